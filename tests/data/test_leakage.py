from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from medmonai.data import audit_cohorts, check_leakage, lesion_phantom, require_no_leakage


def splits(spatial_size=(28, 28)):
    return [lesion_phantom(split=s, spatial_size=spatial_size, num_cases=12) for s in ("train", "test")]


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
    with pytest.raises(ValueError, match=rf"exact duplicates 1 \(train/test 1\).*{first}.*allow leakage explicitly") as raised:
        require_no_leakage([train, test])
    assert "\n" not in str(raised.value)
    with caplog.at_level(logging.WARNING, "medmonai.data"):
        audit = require_no_leakage([train, test], allow=True)
    assert first in caplog.text and audit.compact(allowed=True)["leakage_allowed"]
    with pytest.raises(ValueError, match="exact duplicates"):
        check_leakage(audit)
    assert check_leakage(audit, allow=True) is audit


def test_near_duplicates_are_refused_only_on_request():
    train, test = splits()
    images = test.images.copy()
    images[0] = np.rint(0.8 * train.images[7] + 30)
    cohorts = [train, replace(test, images=images)]
    assert require_no_leakage(cohorts).finding("near duplicates").across_count == 1
    with pytest.raises(ValueError, match=r"near duplicates 1 \(train/test 1\)"):
        require_no_leakage(cohorts, near_is_leak=True)
    assert not require_no_leakage(cohorts, near_is_leak=True, near_threshold=None).leaks


def test_groups_are_refused():
    train, test = (replace(c, groups=g) for c, g in zip(splits(), (["p1"] * 12, ["p2"] * 11 + ["p1"])))
    with pytest.raises(ValueError, match=r"groups in several splits 1 \(train/test 1\) \(first: .*train.* and .*test"):
        require_no_leakage([train, test])
    assert audit_cohorts([train, test]).groups_known
