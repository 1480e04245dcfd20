"""Splits of different images, into which a test plants what an audit has to find."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from medmonai.data import Cohort, Provenance
from medmonai.task import Task

SIZES = [(28, 28), (14, 14, 14)]
EXACT, NEAR, CONSTANT, COPIES = (
    "exact duplicates",
    "near duplicates",
    "constant images",
    "almost identical images",
)
TURNED = "mirrored or turned copies"


def smooth(n, size, seed):
    shapes = gaussian_filter(
        np.random.default_rng(seed).standard_normal((n, 1, *size)), (0, 0) + (1.5,) * len(size)
    )
    return (120 + 30 * shapes / shapes.std()).clip(0, 255).astype(np.uint8)


def splits(size=(28, 28), n=(12, 8), **changes):
    """Two splits of different images; `changes` go to both."""
    made = []
    for split, count in zip(("train", "val", "test"), n):
        values = {
            "labels": np.arange(count) % 2,
            "ids": [f"{split}{i}" for i in range(count)],
            "task": Task("binary", 2),
            "class_names": ("normal", "lesion"),
            "provenance": Provenance("set", checksum="md5:0"),
            **changes,
        }
        made.append(Cohort(smooth(count, size, len(made)), split=split, **values))
    return made


def ids(found):
    return [[case.id for case in example] for example in found.examples]
