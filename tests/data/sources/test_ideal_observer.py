from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from sklearn.metrics import roc_auc_score

from medmonai.data import (
    PhantomDesign,
    detectability,
    ideal_observer_auc,
    ideal_observer_predictions,
    ideal_observer_scores,
    lesion_phantom,
)
from medmonai.data.sources.phantom import MEAN_LEVEL, ROUNDING_VARIANCE

DEFAULTS = [(28, 28), (20, 20, 20)]


def dense_covariance(design):
    """K, written out voxel by voxel from its first row."""
    size = design.spatial_size
    row = np.fft.irfftn(design.spectrum(), s=size, axes=range(len(size)))
    row.flat[0] += ROUNDING_VARIANCE
    return np.stack(
        [
            np.roll(row, np.unravel_index(i, size), axis=range(len(size))).ravel()
            for i in range(row.size)
        ]
    )


@pytest.mark.parametrize("size", [(8, 9), (9, 8), (8, 8, 9)])
def test_detectability_equals_dense_algebra(size):
    design = PhantomDesign(size, lesion_width=1.0, correlation_length=1.2)
    signal = design.signal().ravel()
    assert detectability(design) ** 2 == pytest.approx(
        signal @ np.linalg.solve(dense_covariance(design), signal), rel=1e-9
    )


@pytest.mark.parametrize("position", ["fixed", "random"])
@pytest.mark.parametrize("size", [(8, 9), (9, 8), (8, 8, 9)])
def test_scores_equal_a_ratio_of_densities(size, position):
    design = PhantomDesign(size, lesion_width=0.7, correlation_length=1.2, position=position)
    cohort = lesion_phantom(split="val", design=design, num_cases=6)
    x = cohort.images.reshape(6, -1) - MEAN_LEVEL
    density = multivariate_normal(np.zeros(x.shape[1]), dense_covariance(design))
    if position == "fixed":
        signals = [design.signal()]
    else:
        signals = [
            np.roll(design.signal([0] * len(size)), p, axis=range(len(size)))
            for p in design.candidates()
        ]
    expected = (
        logsumexp([density.logpdf(x - s.ravel()) for s in signals], axis=0)
        - np.log(len(signals))
        - density.logpdf(x)
    )
    np.testing.assert_allclose(ideal_observer_scores(cohort, design), expected, atol=1e-7)


def test_white_noise_by_hand():
    design = PhantomDesign((16, 16), lesion_width=2, correlation_length=0, amplitude=10)
    energy = (design.signal() ** 2).sum()
    assert energy == pytest.approx(100 * np.pi * 4, rel=1e-3)  # integral of the squared Gaussian
    assert detectability(design) == pytest.approx(np.sqrt(energy / (400 + 1 / 12)))


@pytest.mark.parametrize("size", DEFAULTS)
def test_empirical_auc_agrees_with_the_closed_form(size):
    design = PhantomDesign(size)
    cohort = lesion_phantom(split="test", design=design, num_cases=4000, seed=11)
    scores, labels = ideal_observer_scores(cohort, design), cohort.labels
    auc, expected = roc_auc_score(labels, scores), ideal_observer_auc(design)
    # Placement values give the standard error (DeLong); 3.3 of them is a one-in-thousand miss.
    ranks = [
        np.searchsorted(np.sort(scores[labels == 0]), scores[labels == 1]) / 2000,
        np.searchsorted(np.sort(scores[labels == 1]), scores[labels == 0]) / 2000,
    ]
    error = np.sqrt(sum(r.var() / 2000 for r in ranks))
    assert abs(auc - expected) < 3.3 * error < 0.02
    d = detectability(design)
    # log likelihood ratios are normal with variance d'^2
    for label, mean in ((0, -(d**2) / 2), (1, d**2 / 2)):
        part = scores[labels == label]
        assert part.mean() == pytest.approx(
            mean, abs=3.5 * d / np.sqrt(2000)
        ) and part.std() == pytest.approx(d, rel=0.06)


@pytest.mark.parametrize("size", DEFAULTS)
@pytest.mark.parametrize("position", ["fixed", "random"])
def test_default_designs_lie_near_an_auc_of_094(size, position):
    assert 0.925 < ideal_observer_auc(PhantomDesign(size, position=position), num_cases=1000) < 0.95


@pytest.mark.parametrize("size", DEFAULTS)
def test_rounding_costs_next_to_nothing(size, monkeypatch):
    design = PhantomDesign(size)
    rounded = detectability(design)
    monkeypatch.setattr("medmonai.data.sources.ideal_observer.ROUNDING_VARIANCE", 0.0)
    assert 0 < detectability(design) / rounded - 1 < 5e-4


@pytest.mark.parametrize("size", [(16, 16), (10, 10, 10)])
def test_random_position_estimate(size):
    design = PhantomDesign(size, lesion_width=1.5, amplitude=45, position="random")
    first, second = (ideal_observer_auc(design, num_cases=2000, seed=s) for s in (0, 1))
    assert abs(first - second) < 0.03 and first == ideal_observer_auc(design, num_cases=2000)
    cohort = lesion_phantom(split="test", design=design, num_cases=3000)
    assert roc_auc_score(cohort.labels, ideal_observer_scores(cohort, design)) == pytest.approx(
        first, abs=0.03
    )
    fixed = PhantomDesign(size, lesion_width=1.5, amplitude=45)
    assert first < ideal_observer_auc(fixed)  # not knowing where costs something


def test_no_linear_template_beats_it():
    """The unwhitened lesion as template is worse, by its own closed form, and the ideal one is
    right about both.
    """
    design = PhantomDesign((28, 28))
    cohort = lesion_phantom(split="test", design=design, num_cases=4000)
    matched = cohort.images.reshape(4000, -1) @ design.signal().ravel()
    signal = design.signal().ravel()
    snr = signal @ signal / np.sqrt(signal @ dense_covariance(design) @ signal)
    assert snr < detectability(design)
    assert roc_auc_score(cohort.labels, matched) == pytest.approx(
        norm.cdf(snr / np.sqrt(2)), abs=0.02
    )


def test_no_lesion_no_information():
    for position in ("fixed", "random"):
        design = PhantomDesign((16, 16), amplitude=0, lesion_width=2, position=position)
        assert np.allclose(
            ideal_observer_scores(lesion_phantom(split="val", design=design), design), 0
        )
        assert ideal_observer_auc(design, num_cases=100) == 0.5


def test_one_image_at_a_time_gives_the_same():
    design = PhantomDesign((28, 28), position="random")
    images = lesion_phantom(split="test", design=design).images
    together = ideal_observer_scores(images, design)
    np.testing.assert_allclose(
        [ideal_observer_scores(i, design)[0] for i in images[:20]], together[:20], rtol=1e-9
    )
    assert together.dtype == np.float64


@pytest.mark.parametrize("prevalence", [0.5, 0.2])
def test_predictions_are_calibrated_posteriors(prevalence):
    design = PhantomDesign((20, 20), prevalence=prevalence)
    cohort = lesion_phantom(split="test", design=design, num_cases=5000)
    table = ideal_observer_predictions(cohort, design)
    np.testing.assert_allclose(table.y_score.sum(axis=1), 1)
    assert table.ids.tolist() == cohort.ids.tolist() and np.array_equal(table.y_true, cohort.labels)
    p = table.y_score[:, 1]
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1)):
        held = (p >= low) & (p < high)
        assert cohort.labels[held].mean() == pytest.approx(
            p[held].mean(), abs=4 * np.sqrt(0.25 / held.sum())
        )


def test_wrong_shape():
    with pytest.raises(ValueError, match=r"images have shape \(4, 1, 20, 20\)"):
        ideal_observer_scores(np.zeros((4, 1, 20, 20), np.uint8), PhantomDesign((28, 28)))
