from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medmonai.data import PhantomDesign, lesion_phantom
from medmonai.data.sources.phantom import MEAN_LEVEL, ROUNDING_VARIANCE

SIZES = [(28, 28), (12, 18), (20, 20, 20), (8, 10, 12)]
BOTH = [(24, 24), (12, 12, 12)]


def small(size, **changes):
    return PhantomDesign(size, **{"lesion_width": 1.3, "correlation_length": 1.5, **changes})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", ["fixed", "random"])
def test_cohort(size, position):
    cohort = lesion_phantom(split="val", design=small(size, position=position), num_cases=30)
    assert cohort.images.shape == (30, 1, *size) and cohort.images.dtype == np.uint8
    assert cohort.class_counts() == {"normal": 15, "lesion": 15} and cohort.split == "val"
    assert cohort.ids[3] == "phantom-val-000003" and cohort.task.kind == "binary"
    assert cohort.provenance.checksum.startswith("sha256:") and "seed=0" in cohort.provenance.source


@pytest.mark.parametrize(
    ("size", "counts"), [((28, 28), (2000, 400, 1000)), ((20, 20, 20), (1000, 200, 600))]
)
def test_default_splits(size, counts):
    cohorts = [lesion_phantom(split=split, spatial_size=size) for split in ("train", "val", "test")]
    assert tuple(map(len, cohorts)) == counts and cohorts[0].spatial_size == size
    images = np.concatenate([c.images.reshape(len(c), -1) for c in cohorts])
    # no image twice, within or between splits
    assert len({row.tobytes() for row in images}) == len(images)


def test_without_a_size_it_is_2d():
    assert lesion_phantom(split="val").spatial_size == (28, 28)


@pytest.mark.parametrize("size", BOTH)
def test_same_seed_same_bytes_other_seed_other_bytes(size):
    draw = lambda **k: lesion_phantom(  # noqa: E731
        **{"split": "train", "spatial_size": size, "num_cases": 40, **k}
    )
    first, again = draw(seed=3), draw(seed=3)
    assert first.images.tobytes() == again.images.tobytes() and np.array_equal(
        first.labels, again.labels
    )
    assert first.provenance.checksum == again.provenance.checksum
    assert not np.array_equal(first.images, draw(seed=4).images)
    assert not np.array_equal(first.images, draw(seed=3, split="val").images)
    assert not np.array_equal(first.labels, draw(seed=4).labels)  # the order is drawn too


def test_same_bytes_in_another_process():
    code = (
        "from medmonai.data import lesion_phantom; "
        "print(lesion_phantom(split='val').provenance.checksum)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert out.strip() == lesion_phantom(split="val").provenance.checksum


@pytest.mark.parametrize("size", BOTH)
def test_the_lesion_of_one_class_does_not_touch_the_other(size):
    """Classes have streams of their own: the normal images stay the same whatever the lesion is."""
    strong, faint = (
        lesion_phantom(split="train", design=small(size, amplitude=a), num_cases=20)
        for a in (40, 5)
    )
    normal = strong.labels == 0
    assert np.array_equal(strong.labels, faint.labels)
    assert np.array_equal(strong.images[normal], faint.images[normal])
    assert not np.array_equal(strong.images[~normal], faint.images[~normal])


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 60), st.floats(0.2, 0.8), st.integers(0, 2**63))
def test_class_counts_are_exact(num_cases, prevalence, seed):
    design = small((8, 8), prevalence=prevalence)
    cohort = lesion_phantom(split="test", design=design, num_cases=num_cases, seed=seed)
    assert cohort.labels.sum() == round(num_cases * prevalence)


@pytest.mark.parametrize("size", BOTH)
def test_covariance_of_the_noise_is_the_spectrum(size):
    design = small(size)
    images = (
        design.draw(6000, lesion=False, rng=np.random.default_rng(0)).astype(np.float64)
        - MEAN_LEVEL
    )
    axes = tuple(range(1, images.ndim))
    power = (np.abs(np.fft.rfftn(images, axes=axes)) ** 2).mean(axis=0) / np.prod(size)
    ratio = power / (design.spectrum() + ROUNDING_VARIANCE)
    assert abs(ratio.mean() - 1) < 0.005  # the level
    assert np.abs(ratio - 1).max() < 0.12  # every frequency: 5 sd of a mean of 6000 squares
    modes = np.fft.rfftn(images, axes=axes)
    cross = (modes[(slice(None), *[1] * len(size))] * modes[(slice(None), *[2] * len(size))]).mean()
    assert abs(cross) < 0.1 * power.mean() * np.prod(size)  # frequencies are independent


@pytest.mark.parametrize("size", BOTH)
def test_mean_variance_and_correlation(size):
    design = small(size)
    images = (
        design.draw(4000, lesion=False, rng=np.random.default_rng(1)).astype(np.float64)
        - MEAN_LEVEL
    )
    # covariance with the voxel at 0
    full = np.fft.irfftn(design.spectrum(), s=size, axes=range(len(size)))
    assert full.flat[0] == pytest.approx(design.noise_sd**2)
    assert images.mean() == pytest.approx(0, abs=0.3)
    assert images.var() == pytest.approx(design.noise_sd**2 + ROUNDING_VARIANCE, rel=0.01)
    shifted = np.roll(images, 1, axis=1)
    assert (images * shifted).mean() == pytest.approx(full[(1, *[0] * (len(size) - 1))], rel=0.03)


@pytest.mark.parametrize("size", [(64, 64), (32, 32, 32)])
def test_correlated_part_falls_off_exponentially(size):
    design = PhantomDesign(size, correlation_length=4.0, white_fraction=0.01)
    covariance = np.fft.irfftn(design.spectrum(), s=size, axes=range(len(size)))
    along = covariance[(slice(0, 9), *[0] * (len(size) - 1))]
    np.testing.assert_allclose(
        along[3:] / along[2], np.exp(-(np.arange(3, 9) - 2) / 4.0), atol=0.03
    )


def test_spectrum_by_hand():
    design = PhantomDesign((8, 8), correlation_length=1.0, white_fraction=0.2, noise_sd=10)
    shape = [
        [(1 + (2 * np.pi) ** 2 * (a**2 + b**2) / 64) ** -1.5 for b in range(-4, 4)]
        for a in range(-4, 4)
    ]
    assert design.spectrum()[1, 2] == pytest.approx(
        100 * (0.8 * shape[5][6] / np.mean(shape) + 0.2)
    )


def test_white_noise_has_a_flat_spectrum():
    assert np.allclose(
        PhantomDesign((16, 16), lesion_width=2, correlation_length=0).spectrum(), 400
    )


@pytest.mark.parametrize("size", BOTH)
@pytest.mark.parametrize("position", ["fixed", "random"])
def test_mean_difference_is_the_lesion(size, position):
    design = small(size, position=position, amplitude=40)
    drawn = [
        design.draw(4000, lesion=x, rng=np.random.default_rng(2)).astype(np.float64).mean(axis=0)
        for x in (False, True)
    ]
    expected = (
        design.signal()
        if position == "fixed"
        else np.mean(
            [
                np.roll(design.signal([0] * len(size)), p, axis=range(len(size)))
                for p in design.candidates()
            ],
            axis=0,
        )
    )
    assert np.abs(drawn[1] - drawn[0] - expected).max() < 2.5  # 20 * sqrt(2 / 4000) = 0.45 a voxel


@pytest.mark.parametrize("size", SIZES)
def test_fixed_lesion_is_unchanged_by_flips(size):
    signal = small(size).signal()
    for axis in range(len(size)):
        np.testing.assert_allclose(np.flip(signal, axis), signal)
    if len(set(size)) == 1:
        np.testing.assert_allclose(np.rot90(signal), signal)


@pytest.mark.parametrize("size", SIZES)
def test_random_positions_stay_inside(size):
    candidates = small(size).candidates()
    assert candidates.min() >= 3 and (candidates.max(axis=0) <= np.array(size) - 4).all()
    assert len(np.unique(candidates, axis=0)) == len(candidates) == np.prod([n - 6 for n in size])


@pytest.mark.parametrize("size", [(28, 28), (20, 20, 20)])
@pytest.mark.parametrize("position", ["fixed", "random"])
def test_clipping_is_negligible(size, position):
    design = PhantomDesign(size, position=position)
    images = design.draw(2000, lesion=True, rng=np.random.default_rng(0))
    assert ((images == 0) | (images == 255)).mean() < 1e-6


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"spatial_size": (28,)}, r"spatial_size=\(28,\); two or three axes"),
        ({"spatial_size": (28, 7)}, r"at least 8"),
        (
            {"lesion_width": 5.0},
            r"lesion_width=5.0 for spatial_size=\(28, 28\); 0.5 to 4.66667 is allowed",
        ),
        ({"lesion_width": float("nan")}, r"lesion_width=nan"),
        ({"noise_sd": 1.0}, r"noise_sd=1.0 .* 4 to 24"),
        (
            {"noise_sd": 24.0, "amplitude": 45.0},
            r"amplitude=45.0 with noise_sd=24.0 would be clipped at 255; at most 39",
        ),
        ({"white_fraction": 0.0}, r"white_fraction=0.0"),
        ({"prevalence": 1.0}, r"prevalence=1.0"),
        ({"position": "centre"}, r"position='centre' is unknown; use one of fixed, random"),
    ],
)
def test_design_errors(changes, match):
    with pytest.raises(ValueError, match=match):
        PhantomDesign(**changes)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"split": "training"}, r"split='training' is unknown"),
        ({"num_cases": 1}, r"num_cases=1 at prevalence=0.5 gives 0 lesions"),
        (
            {"spatial_size": (20, 20), "design": PhantomDesign()},
            r"spatial_size=\(20, 20\) but design.spatial_size=\(28, 28\)",
        ),
    ],
)
def test_phantom_errors(changes, match):
    with pytest.raises(ValueError, match=match):
        lesion_phantom(**{"split": "train", **changes})
