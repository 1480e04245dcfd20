"""Flags: what differs from the training images, by their ranges."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from medmonai.data import ImageForm
from medmonai.data.containers import PixelKind
from medmonai.data.files import DecodedCase, read_case
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
    grey = PixelKind("L")
    assert not any(
        familiar.differences(DecodedCase(image, size=extent, kind=grey)) for image in images
    )
    case = DecodedCase(
        np.full(shape, 250, np.uint8),
        size=tuple(3 * n for n in extent),
        kind=PixelKind("RGB", colour=True),
    )
    said = [phrase.split()[0] for phrase in familiar.differences(case)]
    assert said == ["in", "brightness", "contrast", "size"]


def test_channels_that_are_exchanged_are_named(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (20, 2, 8, 8)).astype(np.uint8)
    images[:, 1] += 120
    images[3, 1] = 0  # missing, with a channel that says so
    flat = images.reshape(20, -1)
    channels = {name: images[:, i].mean(axis=(1, 2)) for i, name in enumerate(("t1", "t2"))}
    familiar = Familiar.of(
        flat.mean(axis=1), flat.std(axis=1), sizes=[(8, 8)], colored=(False,), channels=channels
    )
    familiar.write(tmp_path / "x.json")
    assert Familiar.read(tmp_path / "x.json") == familiar

    def said(image):
        return familiar.differences(DecodedCase(image, size=(8, 8), kind=PixelKind("L")))

    assert not any(map(said, images))
    exchanged = said(images[0, ::-1])
    assert [phrase.split()[2] for phrase in exchanged] == ["t1", "t2"]
    assert "brightness of t1 15" in exchanged[0] and ", in training 2" in exchanged[0]


def test_modality_and_body_part_are_kept_and_earlier_records_have_none(tmp_path):
    familiar = Familiar(
        (0.0, 1.0), (0.0, 1.0), (8, 8), (8, 8), (False,), modalities=("CR", "DX"),
        body_parts=("CHEST",),
    )  # fmt: skip
    familiar.write(tmp_path / "x.json")
    assert Familiar.read(tmp_path / "x.json") == familiar
    stored = json.loads((tmp_path / "x.json").read_text())
    for name in ("modalities", "body_parts"):
        del stored[name]
    (tmp_path / "x.json").write_text(json.dumps(stored))
    earlier = Familiar.read(tmp_path / "x.json")
    assert earlier.modalities == earlier.body_parts == () and earlier.finest == ()


def test_another_spacing_is_named_along_the_axes_of_the_network(tmp_path):
    rng = np.random.default_rng(0)
    form = ImageForm((8, 8, 8), in_channels=1)

    def case(spacing, turned=False):
        # Turned: the file keeps its slices (the third axis in space) on its first axis.
        values = rng.integers(0, 255, (8, 8, 8)).astype(np.uint8)
        affine = np.diag([*spacing, 1.0])
        affine = affine[:, [2, 0, 1, 3]] if turned else affine
        path = tmp_path / "v.nii"
        nibabel.save(nibabel.Nifti1Image(values, affine), path)
        return read_case(path, form)

    trained = [case(spacing) for spacing in ((1.0, 1.0, 5.0), (1.2, 1.2, 3.0))]
    spacings = [one.place.original_spacing for one in trained]
    np.testing.assert_allclose(spacings, [(1, 1, 5), (1.2, 1.2, 3)], rtol=1e-6)
    means = np.array([0.0, 255.0])
    familiar = Familiar.of(means, means, sizes=[(8, 8, 8)], colored=(False,), spacings=spacings)
    familiar.write(tmp_path / "x.json")
    assert Familiar.read(tmp_path / "x.json") == familiar
    for turned in (False, True):
        assert familiar.differences(case((1.0, 1.1, 5.0), turned)) == []
        assert familiar.differences(case((0.6, 0.6, 9.0), turned)) == []
        said = familiar.differences(case((1.0, 1.0, 1.0), turned))
        assert said == ["spacing 1 x 1 x 1 mm, in training 1 x 1 x 3 to 1.2 x 1.2 x 5 mm"]
