"""Three modalities: the class is the exclusive or of two lesions, and no channel alone tells it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medmonai.data import PhantomDesign, modality_observer_scores, modality_phantom
from medmonai.data.sources import ideal_observer_scores

EASY = {2: PhantomDesign((16, 16), noise_sd=8), 3: PhantomDesign((12, 12, 12), noise_sd=8)}


@pytest.mark.parametrize("dims", [2, 3])
def test_the_class_is_in_two_channels_together(dims):
    design = EASY[dims]
    cohort = modality_phantom(split="test", design=design, num_cases=400)
    assert cohort.images.shape == (400, 3, *design.spatial_size)
    assert set(cohort.class_counts().values()) == {200}
    answer = modality_observer_scores(cohort, design)
    assert roc_auc_score(cohort.labels, answer) > 0.99
    alone = [ideal_observer_scores(cohort.images[:, channel], design) for channel in range(3)]
    for scores in alone:
        assert 0.45 < roc_auc_score(cohort.labels, scores) < 0.55
    # all eight combinations of lesions, read from the images
    found = np.stack([scores > 0 for scores in alone], axis=1) @ [1, 2, 4]
    assert np.bincount(found, minlength=8).min() > 40
    assert np.mean(((alone[0] > 0) ^ (alone[1] > 0)) == cohort.labels) > 0.97


def test_seeds_and_splits():
    def draw(split="train", seed=0):
        return modality_phantom(split=split, design=EASY[2], seed=seed, num_cases=16)

    assert np.array_equal(draw().images, draw().images)
    for other in (draw("val"), draw(seed=1)):
        assert not np.array_equal(draw().images, other.images)
    with pytest.raises(ValueError, match="split='all' is unknown"):
        draw("all")
    with pytest.raises(ValueError, match="num_cases=7; at least 8"):
        modality_phantom(split="train", num_cases=7)
