"""Three registered modalities with a known answer: the class is in two of them together, and in
none alone.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.special import expit

from medmonai.data.cohort import Cohort, Provenance
from medmonai.task import Task

from .ideal_observer import ideal_observer_scores
from .phantom import SPLITS, PhantomDesign

MODALITIES = ("t1", "t2", "flair")
MODALITY_CLASSES = ("both or neither", "one of two")


def modality_phantom(
    *, split: str, design: PhantomDesign | None = None, seed: int = 0, num_cases: int = 400
) -> Cohort:
    """Draw one split of a binary Cohort with three channels: t1, t2 and flair.

    Each channel is a phantom of its own, and half of the cases have a lesion in it. The class is
    "one of two" if t1 or t2 has a lesion, but not both: their exclusive or. All eight combinations
    are equally frequent, up to one case. A single channel says nothing about the class, however it
    is read, nor do t1 and flair or t2 and flair together. `modality_observer_scores` is the answer
    of the ideal observer.

    Args:
        split: "train", "val" or "test".
        design: of each channel; its prevalence is not used.
        seed: seed of the data set.
        num_cases: number of cases, at least 8.

    Raises:
        ValueError: an unknown split, or too few cases.

    Example:
        >>> cohort = modality_phantom(split="val", num_cases=16, design=PhantomDesign((16, 16)))
        >>> cohort.images.shape, cohort.class_counts()
        ((16, 3, 16, 16), {'both or neither': 8, 'one of two': 8})
    """
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is unknown; use one of {', '.join(SPLITS)}.")
    if num_cases < 8:
        raise ValueError(f"num_cases={num_cases}; at least 8 are needed, one of each combination.")
    design = PhantomDesign() if design is None else design
    key = (len(SPLITS) + 1, SPLITS.index(split))  # keys that no split of `lesion_phantom` uses
    order, *streams = np.random.SeedSequence(seed, spawn_key=key).spawn(1 + len(MODALITIES))
    numbers = np.random.default_rng(order).permutation(num_cases) % 8
    lesions = (numbers[:, None] >> np.arange(len(MODALITIES))) & 1
    images = np.empty((num_cases, len(MODALITIES), *design.spatial_size), np.uint8)
    for channel, stream in enumerate(streams):
        rng = np.random.default_rng(stream)
        for present in (0, 1):
            rows = np.flatnonzero(lesions[:, channel] == present)
            images[rows, channel] = design.draw(len(rows), lesion=bool(present), rng=rng)
    return Cohort(
        images,
        labels=lesions[:, 0] ^ lesions[:, 1],
        ids=np.array([f"modalities-{split}-{i:06d}" for i in range(num_cases)]),
        task=Task("binary", 2),
        class_names=MODALITY_CLASSES,
        split=split,
        provenance=Provenance(
            f"modality_phantom{len(design.spatial_size)}d",
            version="1",
            licence="Apache-2.0 (generated images, no patients)",
            source=f"drawn with seed={seed}",
            checksum=f"sha256:{hashlib.sha256(images.tobytes()).hexdigest()}",
            known_issues=("Simulated images: results say nothing about patients.",),
        ),
    )


def modality_observer_scores(cohort: Cohort, design: PhantomDesign) -> np.ndarray:
    """Return the probability (N,) of "one of two" that the ideal observer gives to each case.

    With p and q the probabilities of a lesion in t1 and in t2: p (1 - q) + q (1 - p).

    Args:
        cohort: drawn by `modality_phantom` with this design.
        design: of each channel.

    Raises:
        ValueError: images of a different shape.
    """
    p, q = (expit(ideal_observer_scores(cohort.images[:, channel], design)) for channel in (0, 1))
    return p * (1 - q) + q * (1 - p)
