from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from medmonai.data import (
    Provenance,
    audit_cohorts,
    check_leakage,
    dataset_info,
    lesion_phantom,
    require_no_leakage,
)


def splits(spatial_size=(28, 28)):
    return [
        lesion_phantom(split=s, spatial_size=spatial_size, num_cases=12) for s in ("train", "test")
    ]


@pytest.mark.parametrize("size", [(28, 28), (12, 12, 12)])
def test_clean_splits_pass_silently(size, caplog):
    audit = require_no_leakage(splits(size))
    assert not audit.leaks and not caplog.records


@pytest.mark.parametrize("size", [(28, 28), (12, 12, 12)])
def test_leakage_is_refused_unless_allowed(size, caplog):
    train, test = splits(size)
    images = test.images.copy()
    images[3] = train.images[5]
    test = replace(test, images=images)
    first = f"first: {train.ids[5]} and {test.ids[3]}"
    with pytest.raises(
        ValueError, match=rf"exact duplicates 1 \(train/test 1\).*{first}.*allow leakage explicitly"
    ) as raised:
        require_no_leakage([train, test])
    assert "\n" not in str(raised.value)
    with caplog.at_level(logging.WARNING, "medmonai.data"):
        audit = require_no_leakage([train, test], allow=True)
    assert first in caplog.text and audit.compact(allowed=True)["leakage_allowed"]
    with pytest.raises(ValueError, match="exact duplicates"):
        check_leakage(audit)
    assert check_leakage(audit, allow=True) is audit


def changed(train, test, change):
    images = test.images.copy()
    images[0] = np.rint(change(train.images[7].astype(float))).clip(0, 255)
    return [train, replace(test, images=images)]


def test_altered_copies_are_refused_unless_told_otherwise(caplog):
    cohorts = changed(*splits(), lambda image: 0.8 * image + 30)
    with pytest.raises(
        ValueError,
        match=r"almost identical images 1 \(train/test 1\); .* \(first: .*train.* and .*test",
    ):
        require_no_leakage(cohorts)
    with caplog.at_level(logging.WARNING, "medmonai.data"):
        audit = require_no_leakage(cohorts, leak_threshold=None)
    assert not audit.leaks and audit.near_across.across_count == 1
    assert "near duplicates: 1 (2 cases), 1 across splits (train/test 1) (first: " in caplog.text
    assert "1 near duplicates across splits, to be looked at" in audit.verdict
    assert not require_no_leakage(cohorts, near_threshold=None).leaks


def test_what_is_only_near_is_told(caplog):
    cohorts = changed(
        *splits(), lambda image: image + np.random.default_rng(2).normal(0, 6, image.shape)
    )
    with caplog.at_level(logging.WARNING, "medmonai.data"):
        audit = require_no_leakage(cohorts)
    assert (
        0.94 <= audit.finding("near duplicates").scores[0] < 0.99
        and audit.finding("almost identical images").count == 0
    )
    assert "is it the same picture, or the same person?" in caplog.text


def test_one_picture_with_two_labels_is_told(caplog):
    train, test = splits()
    images = train.images.copy()
    rows = [np.flatnonzero(train.labels == label)[0] for label in (0, 1)]
    images[rows[1]] = images[rows[0]]
    with caplog.at_level(logging.WARNING, "medmonai.data"):
        assert not require_no_leakage([replace(train, images=images), test]).leaks
    assert (
        "label conflicts of exact duplicates: 1 (2 cases)" in caplog.text
        and "which label is right?" in caplog.text
    )


def test_groups_are_refused():
    train, test = (
        replace(c, groups=g) for c, g in zip(splits(), (["p1"] * 12, ["p2"] * 11 + ["p1"]))
    )
    with pytest.raises(
        ValueError,
        match=r"groups in several splits 1 \(train/test 1\) \(first: .*train.* and .*test",
    ):
        require_no_leakage([train, test])
    assert audit_cohorts([train, test]).groups_known


def test_what_is_almost_identical_has_no_stated_cause():
    cohorts = changed(*splits(), lambda image: 0.8 * image + 30)
    with pytest.raises(
        ValueError, match="saved twice, or neighbouring slices or repeated exposures of one patient"
    ):
        require_no_leakage(cohorts)
    exact = changed(*splits(), lambda image: image)
    with pytest.raises(ValueError, match="exact duplicates") as raised:
        require_no_leakage(exact)
    assert "neighbouring slices" not in str(raised.value)


@pytest.mark.parametrize("set_name", ["breastmnist", "vesselmnist3d"])
def test_official_splits_are_reported_and_never_refused(set_name, caplog):
    info = dataset_info(set_name)
    size = (28,) * info.spatial_dims
    official = Provenance(set_name, checksum=f"md5:{info.file(28).md5}")
    train, test = (
        replace(c, provenance=official) for c in changed(*splits(size), lambda image: image)
    )
    with caplog.at_level(logging.WARNING, "medmonai.data"):
        audit = require_no_leakage([train, test])
    assert audit.official and audit.leaks and "these are the official splits" in caplog.text
    record = audit.compact()
    assert record["leakage"] and record["official_splits"] and not record["leakage_allowed"]
    for other in (Provenance(set_name), Provenance(set_name, checksum="md5:0")):
        with pytest.raises(ValueError, match="exact duplicates"):
            require_no_leakage([replace(train, provenance=other), test])
