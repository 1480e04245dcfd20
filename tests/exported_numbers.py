"""Pictures for exported files, and the comparison of their numbers with those of `predict`."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

PICTURES = ((30, 20), (16, 24), (90, 33), (7, 8))


def pictures(folder, channels=()):
    """Pictures of several sizes, and their arrays."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (*size, *channels), dtype=np.uint8) for size in PICTURES]
    for i, values in enumerate(arrays):
        Image.fromarray(values).save(folder / f"{i}.png")
    return arrays


def same(found, expected):
    """Whether cases are the same to 1e-5."""
    assert [(case.id, case.decision, case.flag) for case in found] == [
        (case.id, case.decision, case.flag) for case in expected
    ]
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
        assert one.spread == pytest.approx(other.spread, abs=1e-5)
