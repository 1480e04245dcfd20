"""Flags: what differs from the training images, by their ranges."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.deployment import Familiar


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 8, 8, 8)])
def test_what_differs_is_named(shape, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(50, 150, (20, *shape)).astype(np.uint8)
    extent = shape[1:]
    flat = images.reshape(len(images), -1)
    familiar = Familiar.of(flat.mean(axis=1), flat.std(axis=1), sizes=[extent], colored=(False,))
    familiar.write(tmp_path / "x.json")
    assert Familiar.read(tmp_path / "x.json") == familiar
    assert Familiar.read(tmp_path / "none.json") is None
    assert all(not familiar.differences(image, extent, colored=False) for image in images)
    said = familiar.differences(
        np.full(shape, 250, np.uint8), tuple(3 * n for n in extent), colored=True
    )
    assert [phrase.split()[0] for phrase in said] == ["in", "brightness", "contrast", "size"]
