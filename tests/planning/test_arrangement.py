"""What the places, sizes and headers of volumes say against a set, before anything is trained."""

from __future__ import annotations

import shutil

import nibabel
import numpy as np
import pytest
from dicom_files import dataset, save
from modality_files import write_modalities
from PIL import Image

from medmonai.planning import Division, divided, look
from medmonai.planning.examination import examined
from medmonai.planning.rules import form_choice, normalization_choice, size_choice


def volumes(folder, *, name="{i:02d}", change=lambda i, image: image, values=None, cases=32):
    rng = np.random.default_rng(0)
    for i in range(cases):
        path = folder / "ab"[i % 2] / f"{name.format(i=i, half=i // 4, visit=i // 2 % 2)}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        array = rng.normal(100, 20, (8, 7, 6)) if values is None else values(rng)
        image = nibabel.Nifti1Image(array.astype(np.int16), np.diag([1.0, 1, 2, 1]))
        nibabel.save(change(i, image), path)
    return folder


def lines(folder, **options):
    return "\n".join(examined(look(str(folder), options)).lines())


@pytest.mark.parametrize(
    ("name", "warned"),
    [("p{half}/visit{visit}", True), ("p{i}/t1", False), ("{i:02d}", False)],
)
def test_folders_that_may_be_patients(tmp_path, name, warned):
    folder = volumes(tmp_path, name=name)
    said = lines(folder)
    assert ("hold several cases each (first a/p0: visit0.nii.gz" in said) == warned
    seen = look(str(folder), {"group_pattern": "^(.+)/"})
    assert "hold several" not in "\n".join(seen.lines())
    assert not warned or len(set(seen.listing.groups)) == 16


def in_meters(i, image):
    image.header.set_xyzt_units("meter")
    return image


def without_orientation(i, image):
    image.set_qform(None, 0)
    image.set_sform(None, 0)
    return image


def two_orientations(i, image):
    image.set_qform(np.diag([-1.0, 1, 2, 1]), 1)
    image.set_sform(np.diag([1.0, 1, 2, 1]), 1)
    return image


def one_slice(i, image):
    return image.slicer[:, :, :1] if i == 4 else image


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (in_meters, "warning: the median volume covers 8000 x 7000 x 12000 mm; check the unit"),
        (without_orientation, "warning: 32 of 32 images state no orientation"),
        (two_orientations, "warning: 32 of 32 images state two orientations"),
        (one_slice, "warning: 1 of 32 volumes is a single slice"),
    ],
)
def test_headers_of_volumes(tmp_path, change, said):
    assert said in lines(volumes(tmp_path, change=change))


def test_colors_of_a_volume_become_gray_with_a_word(tmp_path):
    rng = np.random.default_rng(0)
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    for i in range(32):
        path = tmp_path / "ab"[i % 2] / f"{i}.nii"
        path.parent.mkdir(exist_ok=True)
        values = rng.integers(0, 255, (8, 7, 6, 3)).astype(np.uint8).view(kind)[..., 0]
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    assert "colors: 32 of 32 images are stored in color and become gray" in lines(tmp_path)


@pytest.mark.parametrize("dims", [2, 3])
def test_two_columns_with_the_same_images(tmp_path, dims):
    table, _ = write_modalities(tmp_path, dims=dims, cases=32, size=16)
    options = {"image_column": ["t1", "t2", "flair"], "label_column": "y"}
    assert "hold the same image" not in lines(table, **options)
    for file in tmp_path.glob("*_t1*"):
        shutil.copy(file, str(file).replace("_t1", "_flair"))
    assert "warning: t1 and flair hold the same image in all 32 cases" in lines(table, **options)


def test_slices_of_a_series_stay_in_one_fold(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(64):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        series = f"1.2.{i % 2}.{i // 8}"
        found = dataset(rng.integers(0, 4000, (9, 8)).astype(np.uint16), SeriesInstanceUID=series)
        save(found, tmp_path / "ab"[i % 2] / f"{i:02d}.dcm")
    seen = examined(look(str(tmp_path)))
    said = "64 images are slices of 16 DICOM series (first: a/00.dcm = a/02.dcm)"
    assert said in "\n".join(seen.checks) and "1.2.0" not in "\n".join(seen.lines())
    parts = divided(seen.listing, Division("rotation", members=4, seed=1), 0, units=seen.units)
    series = [int(str(case)[2:4]) // 8 * 2 + int(str(case)[2:4]) % 2 for case in parts.ids]
    for one in set(series):
        assert len({s for s, of in zip(parts.splits, series) if of == one}) == 1


@pytest.mark.parametrize("offset", [0, 1e6, 3e4, -2e5])
def test_values_that_differ_little_stay_apart(tmp_path, offset):
    change = lambda i, image: nibabel.Nifti1Image(  # noqa: E731
        image.get_fdata() + offset, image.affine
    )
    seen = look(str(volumes(tmp_path, change=change)))
    low, high = form_choice(seen)[0]["intensity_range"]
    assert low - offset == pytest.approx(50, abs=15) and high - offset == pytest.approx(150, abs=15)


@pytest.mark.parametrize(
    ("low", "high", "lower_end"),
    [(-1024, 1000, -1000), (-3024, 1000, -1000), (-4096, 4095, -4060), (-9000, -8000, -8995)],
)
def test_only_values_like_those_of_a_ct_begin_at_air(tmp_path, low, high, lower_end):
    values = lambda rng: rng.integers(low, high, (8, 7, 6))  # noqa: E731
    seen = look(str(volumes(tmp_path, values=values)))
    assert seen.levels[0].hounsfield == (lower_end == -1000)
    assert form_choice(seen)[0]["intensity_range"][0] == pytest.approx(lower_end, abs=20)


@pytest.mark.parametrize("every", [0, 3])
def test_volumes_that_are_cut_are_counted_in_the_plan(tmp_path, every):
    def coarser(i, image):
        wide = every and i % every == 0
        return nibabel.Nifti1Image(image.get_fdata(), np.diag([9.0, 9, 18, 1])) if wide else image

    seen = look(str(volumes(tmp_path, change=coarser)))
    said = "11 of 32 sampled volumes lose more than half outside it"
    assert (said in size_choice(seen)[1].reason) == bool(every)


def test_many_channels_are_summed_up(tmp_path):
    values = lambda rng: rng.normal(100, 20, (5, 5, 5, 20))  # noqa: E731
    said = [line for line in look(str(volumes(tmp_path, values=values))).lines() if "gray" in line]
    assert len(said) == 9 and said[-1].startswith("gray values of 12 more channels: 4")


@pytest.mark.parametrize("save_as", ["nii", "png"])
def test_masks_of_0_and_1_fill_the_gray_values(tmp_path, save_as):
    rng = np.random.default_rng(0)
    for i in range(32):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        mask = (rng.normal(0, 1, (12, 11, 10)) > 0.5).astype(np.uint8)
        path = tmp_path / "ab"[i % 2] / f"{i}.{save_as}"
        if save_as == "nii":
            nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), path)
        else:
            Image.fromarray(mask[:, :, 0]).save(path)
    seen = look(str(tmp_path))
    form, _ = form_choice(seen)
    assert form == {"intensity_range": [0, 1]}
    assert normalization_choice(seen, form)[0]["divisor"] == pytest.approx(0.46, abs=0.03)


def test_values_near_the_largest_float(tmp_path):
    change = lambda i, image: nibabel.Nifti1Image(  # noqa: E731
        (image.get_fdata() * 1e30).astype(np.float32), image.affine
    )
    seen = look(str(volumes(tmp_path, change=change)))
    form, _ = form_choice(seen)
    assert normalization_choice(seen, form)[0]["divisor"] == pytest.approx(0.19, abs=0.03)
