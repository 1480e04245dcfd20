"""Built-in data with a known answer: Gaussian lesions in correlated Gaussian noise, in 2D and
3D.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Literal, get_args

import numpy as np

from medmonai.data.cohort import Cohort, Provenance
from medmonai.task import Task

Position = Literal["fixed", "random"]

# Gray level of the background: the noise of every allowed design stays 5 standard deviations away
# from 0.
MEAN_LEVEL = 120.0
# Variance that rounding to whole gray levels adds to each voxel (Widrow; noise_sd >> 1 makes the
# error uniform).
ROUNDING_VARIANCE = 1 / 12

PHANTOM_CLASSES = ("normal", "lesion")
SPLITS = ("train", "val", "test")
_NUM_CASES = {
    2: {"train": 2000, "val": 400, "test": 1000},
    3: {"train": 1000, "val": 200, "test": 600},
}
# Chosen for an ideal AUC near 0.94: a lesion neither obvious nor hopeless, and a limit that a small
# network can reach.
_AMPLITUDE = {(2, "fixed"): 26.0, (2, "random"): 37.0, (3, "fixed"): 24.0, (3, "random"): 31.0}
_CHUNK_VOXELS = 1 << 18


@dataclass(frozen=True)
class PhantomDesign:
    """The physics of the phantom: signal s, noise covariance K, and how often a lesion is present.

    The image of a case is `MEAN_LEVEL + s + n`, rounded to uint8. `s` is a Gaussian of the given
    width and height, or 0. `n` is stationary Gaussian noise on a torus, so K is diagonal in Fourier
    space with eigenvalues `spectrum()`: `noise_sd^2 ((1 - white_fraction) M(f) + white_fraction)`,
    where `M(f) ~ (1 + (2 pi l |f|)^2)^(-(d+1)/2)` has mean 1 (the spectrum of an exponential
    covariance with correlation length l in d dimensions). Nothing is approximated.

    Args:
        spatial_size: voxels along each of two or three axes, at least 8.
        amplitude: height of the lesion, gray levels; the default gives an ideal AUC near 0.94 with
            the other defaults, from 18 voxels per axis.
        lesion_width: standard deviation of the lesion's profile, voxels, at most a sixth of the
            shortest axis; by default 3, or that sixth if it is smaller.
        noise_sd: standard deviation of the noise, gray levels, 4 to 24.
        correlation_length: l above, voxels; 0 gives white noise.
        white_fraction: fraction of the noise variance that is uncorrelated, in (0, 1].
        position: "fixed" puts the center of every lesion at the center of the image (unchanged by
            flips and 90-degree rotations); "random" puts it on any voxel at least two widths from
            the border.
        prevalence: fraction of the cases with a lesion.

    Raises:
        ValueError: a value outside these ranges, a lesion too wide for the image, or gray levels
            that would be clipped.

    Example:
        >>> PhantomDesign((28, 28), position="random").candidates().shape
        (256, 2)
    """

    spatial_size: tuple[int, ...] = (28, 28)
    _: KW_ONLY
    amplitude: float | None = None
    lesion_width: float | None = None
    noise_sd: float = 20.0
    correlation_length: float = 1.5
    white_fraction: float = 0.2
    position: Position = "fixed"
    prevalence: float = 0.5

    def __post_init__(self) -> None:
        size = tuple(int(n) for n in self.spatial_size)
        object.__setattr__(self, "spatial_size", size)
        if len(size) not in (2, 3) or min(size) < 8:
            raise ValueError(
                f"spatial_size={size}; two or three axes of at least 8 voxels are needed."
            )
        if self.lesion_width is None:
            object.__setattr__(self, "lesion_width", min(3.0, min(size) / 6))
        if self.position not in get_args(Position):
            raise ValueError(
                f"position={self.position!r} is unknown; use one of "
                f"{', '.join(get_args(Position))}."
            )
        if self.amplitude is None:
            object.__setattr__(self, "amplitude", _AMPLITUDE[len(size), self.position])
        for name, low, high in (
            ("amplitude", 0.0, 50.0),
            ("lesion_width", 0.5, min(size) / 6),
            ("noise_sd", 4.0, 24.0),
            ("correlation_length", 0.0, min(size) / 4),
            ("white_fraction", 0.01, 1.0),
            ("prevalence", 0.001, 0.999),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(
                    f"{name}={value} for spatial_size={size}; {low:g} to {high:g} is allowed."
                )
        assert self.amplitude is not None
        if self.amplitude > 255 - MEAN_LEVEL - 4 * self.noise_sd:
            raise ValueError(
                f"amplitude={self.amplitude} with noise_sd={self.noise_sd} would be clipped at "
                f"255; at most {255 - MEAN_LEVEL - 4 * self.noise_sd:g} is allowed, or lower "
                "noise_sd."
            )

    def signal(self, centre: Sequence[float] | None = None) -> np.ndarray:
        """Return the lesion (*spatial) around a center in voxels, float64; by default the center of
        the image.
        """
        centre = [(n - 1) / 2 for n in self.spatial_size] if centre is None else centre
        squared = np.zeros((1,) * len(self.spatial_size))
        for axis, (n, c) in enumerate(zip(self.spatial_size, centre)):
            distance = np.abs(np.arange(n) - c)
            distance = np.minimum(distance, n - distance)  # on a torus, like the noise
            squared = squared + (distance**2).reshape(
                [-1 if a == axis else 1 for a in range(len(self.spatial_size))]
            )
        assert self.amplitude is not None and self.lesion_width is not None
        return self.amplitude * np.exp(-squared / (2 * self.lesion_width**2))

    def spectrum(self) -> np.ndarray:
        """Return the eigenvalues of K on the grid of `numpy.fft.rfftn`, gray levels squared,
        without rounding.
        """
        axes = [np.fft.fftfreq(n) for n in self.spatial_size]
        squared = sum(f**2 for f in np.meshgrid(*axes, indexing="ij"))
        scale = (2 * math.pi * self.correlation_length) ** 2
        shape = (1 + scale * squared) ** (-(len(axes) + 1) / 2)
        full = self.noise_sd**2 * (
            (1 - self.white_fraction) * shape / shape.mean() + self.white_fraction
        )
        return full[..., : self.spatial_size[-1] // 2 + 1]

    def candidates(self) -> np.ndarray:
        """Return the int64 voxels (P, d) on which a lesion at a random position may be centered."""
        assert self.lesion_width is not None
        margin = math.ceil(2 * self.lesion_width)
        axes = [np.arange(margin, n - margin) for n in self.spatial_size]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))

    def draw(self, num_cases: int, *, lesion: bool, rng: np.random.Generator) -> np.ndarray:
        """Return `num_cases` images (num_cases, *spatial), uint8, all with or all without a
        lesion.
        """
        out = np.empty((num_cases, *self.spatial_size), np.uint8)
        axes = tuple(range(1, out.ndim))
        gain = np.sqrt(self.spectrum())
        candidates = self.candidates()
        at_origin = self.signal((0,) * len(axes))
        step = max(1, _CHUNK_VOXELS // out[0].size)
        for start in range(0, num_cases, step):
            part = out[start : start + step]
            white = np.fft.rfftn(rng.standard_normal(part.shape), axes=axes)
            images = MEAN_LEVEL + np.fft.irfftn(white * gain, s=self.spatial_size, axes=axes)
            if lesion and self.position == "fixed":
                images += self.signal()
            elif lesion:
                for i, centre in enumerate(
                    candidates[rng.integers(len(candidates), size=len(part))]
                ):
                    images[i] += np.roll(at_origin, centre, axis=range(len(axes)))
            part[...] = np.clip(np.rint(images), 0, 255)
        return out


def lesion_phantom(
    *,
    split: str,
    spatial_size: Sequence[int] | None = None,
    seed: int = 0,
    design: PhantomDesign | None = None,
    num_cases: int | None = None,
) -> Cohort:
    """Draw one split of the phantom: a binary Cohort of class "normal" and class "lesion" with
    uint8 images.

    Every split and class has its own random stream, so splits are independent and the same seed
    gives the same bytes. Exactly `round(num_cases * prevalence)` cases have a lesion; the order is
    shuffled. `ideal_observer_auc` returns how well the classes can be separated at best. MONAI's
    `create_test_image_2d` draws disks with uniform noise, for which no such limit is known.

    Args:
        split: "train", "val" or "test".
        spatial_size: voxels along each axis of the default design; (28, 28) if neither this nor
            `design` is given.
        seed: seed of the data set.
        design: the physics, if not the default.
        num_cases: number of cases in the split; by default 2000/400/1000 in 2D and 1000/200/600 in
            3D.

    Raises:
        ValueError: an unknown split, a `spatial_size` that contradicts the design, or too few cases
            for both classes.

    Example:
        >>> cohort = lesion_phantom(split="val", spatial_size=(16, 16), num_cases=20)
        >>> cohort.class_counts(), cohort.images.shape
        ({'normal': 10, 'lesion': 10}, (20, 1, 16, 16))
    """
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is unknown; use one of {', '.join(SPLITS)}.")
    design = _design(design, spatial_size)
    num_cases = _NUM_CASES[len(design.spatial_size)][split] if num_cases is None else num_cases
    positives = round(num_cases * design.prevalence)
    if not 0 < positives < num_cases:
        raise ValueError(
            f"num_cases={num_cases} at prevalence={design.prevalence} gives {positives} lesions; "
            "raise num_cases so that both classes have a case."
        )
    normal, lesion, order = (
        np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SPLITS.index(split), stream)))
        for stream in range(3)
    )
    labels = np.repeat([0, 1], [num_cases - positives, positives])
    place = order.permutation(num_cases)
    images = np.empty((num_cases, 1, *design.spatial_size), np.uint8)
    images[place[: num_cases - positives], 0] = design.draw(
        num_cases - positives, lesion=False, rng=normal
    )
    images[place[num_cases - positives :], 0] = design.draw(positives, lesion=True, rng=lesion)
    shuffled = np.empty_like(labels)
    shuffled[place] = labels
    return Cohort(
        images,
        labels=shuffled,
        ids=np.array([f"phantom-{split}-{i:06d}" for i in range(num_cases)]),
        task=Task("binary", 2),
        class_names=PHANTOM_CLASSES,
        split=split,
        provenance=_provenance(design, seed, images),
    )


def _design(design: PhantomDesign | None, spatial_size: Sequence[int] | None) -> PhantomDesign:
    if design is None:
        return PhantomDesign((28, 28) if spatial_size is None else tuple(spatial_size))
    if spatial_size is not None and tuple(spatial_size) != design.spatial_size:
        raise ValueError(
            f"spatial_size={tuple(spatial_size)} but design.spatial_size={design.spatial_size}; "
            "give one of the two."
        )
    return design


def _provenance(design: PhantomDesign, seed: int, images: np.ndarray) -> Provenance:
    values = ", ".join(f"{key}={value}" for key, value in asdict(design).items())
    return Provenance(
        f"lesion_phantom{len(design.spatial_size)}d",
        version="1",
        licence="Apache-2.0 (generated images, no patients)",
        citation="Barrett HH, Myers KJ. Foundations of Image Science, chapter 13. Wiley (2004)",
        source=f"drawn with seed={seed}, {values}",
        checksum=f"sha256:{hashlib.sha256(images.tobytes()).hexdigest()}",
        known_issues=("Simulated images: results say nothing about patients.",),
    )
