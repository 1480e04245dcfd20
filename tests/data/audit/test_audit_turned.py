"""Mirrored and turned copies are found as leakage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from audited_splits import COPIES, TURNED, ids, smooth, splits

from medmonai.data import audit_cohorts, shape_features
from medmonai.data.duplicates.turned import turned_pairs

TURNS = {
    "left to right": lambda image: image[:, :, ::-1],
    "top to bottom": lambda image: image[:, ::-1],
    "half a turn": lambda image: image[:, ::-1, ::-1],
    "diagonal": lambda image: image.swapaxes(1, 2),
    "a quarter": lambda image: np.rot90(image, 1, (1, 2)),
    "three quarters": lambda image: np.rot90(image, 3, (1, 2)),
    "other diagonal": lambda image: np.rot90(image, 2, (1, 2)).swapaxes(1, 2),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [20, 45])
def test_turned_copies_are_leakage(channels, side):
    train, test = (
        replace(c, images=np.repeat(c.images, channels, axis=1).copy())
        for c in splits((side, side))
    )
    for row, change in enumerate(TURNS.values()):
        test.images[row] = np.rint(0.9 * change(train.images[row + 2]) + 10)
    train.images[0] = train.images[2]  # the twin in another split stands for both
    audit = audit_cohorts([train, test])
    found = audit.finding(TURNED)
    assert (found.count, found.across_count) == (7, 7) and min(found.scores) >= 0.99
    assert {tuple(pair) for pair in ids(found)} == {
        (f"train{row + 2 if row else 0}", f"val{row}") for row in range(7)
    }
    assert [leak.kind for leak in audit.leaks] == [TURNED] and audit.finding(COPIES).count == 0
    assert audit_cohorts([train, test], leak_threshold=None).leaks == ()


def test_turned_copies_of_other_shapes():
    train, test = splits((20, 30))
    test.images[0], test.images[1] = (
        TURNS["half a turn"](train.images[3]),
        TURNS["left to right"](train.images[4]),
    )
    assert ids(audit_cohorts([train, test]).finding(TURNED)) == [
        ["train3", "val0"],
        ["train4", "val1"],
    ]
    volumes = audit_cohorts(splits((14, 14, 14)))
    assert "mirrored or turned copies: not looked for in volumes" in volumes.lines()
    with pytest.raises(ValueError, match="kind='mirrored or turned copies' is unknown"):
        volumes.finding(TURNED)


def test_a_search_for_turned_copies_that_stopped_says_so():
    train, test = splits()
    rng = np.random.default_rng(5)
    for cohort, image in ((train, train.images[0]), (test, train.images[0, :, :, ::-1].copy())):
        cohort.images[:] = np.rint(image + rng.normal(0, 0.4, cohort.images.shape)).clip(0, 255)
    whole = audit_cohorts([train, test])
    assert whole.near_complete and whole.finding(TURNED).across_count == len(train) * len(test)
    # 66 and 28 pairs within the splits are alike as they are; across them 96 more, once turned.
    short = audit_cohorts([train, test], max_pairs=100)
    assert not short.near_complete and "search stopped" in short.lines()[-1]


def test_an_image_that_is_its_own_mirror_is_one_finding():
    train, test = splits()
    train.images[1] = train.images[1, :, :, ::-1] // 2 + train.images[1] // 2
    test.images[2] = np.rint(0.8 * train.images[1] + 20)
    audit = audit_cohorts([train, test])
    assert ids(audit.finding(COPIES)) == [["train1", "val2"]] and audit.finding(TURNED).count == 0


def test_turned_pairs_equal_comparing_all():
    features = shape_features(smooth(30, (28, 28), 4))
    turned = [
        shape_features(np.stack([change(image) for image in smooth(30, (28, 28), 4)]))
        for change in TURNS.values()
    ]
    best = np.max([features @ other.T for other in turned], axis=0)
    pairs, scores, complete = turned_pairs(
        30, lambda rows: features[rows], (1, 28, 28), threshold=0.2
    )
    expected = {(i, j) for i, j in zip(*np.nonzero(best >= 0.2)) if i < j}
    assert complete and {tuple(pair) for pair in pairs.tolist()} == expected and len(expected) > 20
    np.testing.assert_allclose(scores, best[pairs[:, 0], pairs[:, 1]], atol=1e-5)
    assert (np.diff(scores) <= 0).all()
