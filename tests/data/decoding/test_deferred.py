"""Images that are read when they are first used."""

import pickle

import numpy as np
import pytest

from medmonai.data import DeferredImages, ImageForm, ResidentLoader


def test_a_loader_of_images_that_come_later(tmp_path):
    path = tmp_path / "images.npz"
    images = DeferredImages(path, ImageForm((6, 6), in_channels=1))
    loader = ResidentLoader(images, batch_size=2)
    with pytest.raises(TypeError, match=r"images\.npz does not exist"):
        len(loader)
    with pytest.raises(FileNotFoundError, match=r"images\.npz does not exist"):
        next(iter(loader))
    values = np.random.default_rng(0).integers(0, 256, (5, 6, 6), dtype=np.uint8)
    np.savez(path, images=values)
    again = pickle.loads(pickle.dumps(images))
    assert len(loader) == 3 and len(images) == len(again) == 5
    assert np.array_equal(
        np.concatenate([batch["image"].numpy() for batch in loader])[:, 0], values
    )
    assert images.ids.tolist() == again.ids.tolist() and "5 images" in repr(images)
    with pytest.raises(ValueError, match="residency='roof'"):
        ResidentLoader(images, batch_size=2, residency="roof")
