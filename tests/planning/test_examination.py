"""Copies, leaks and blank images are found by the look, before anything is trained."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image
from source_files import smooth_picture

from medmonai.planning import Division, choose_division, divided, look
from medmonai.planning.examination import examined
from medmonai.planning.recipe_source import data_overrides


@pytest.fixture
def folder(tmp_path):
    """A folder of two classes with 16 pictures each."""
    rng = np.random.default_rng(0)
    for name in "ab":
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(16):
            image = Image.fromarray(smooth_picture(rng, 24, 24))
            image.save(tmp_path / "in" / name / f"{name}{i:02d}.png")
    return tmp_path / "in"


def given_splits(folder):
    for split, keep in (("train", range(12)), ("test", range(12, 16))):
        for name in "ab":
            (folder / split / name).mkdir(parents=True)
            for i in keep:
                shutil.move(folder / name / f"{name}{i:02d}.png", folder / split / name)
    for name in "ab":
        (folder / name).rmdir()
    return folder


def checks(folder, **options):
    return "\n".join(examined(look(str(folder), options)).checks)


def test_sound_images(folder):
    assert checks(folder) == "copies: none among all images"


def blank(path):
    Image.fromarray(np.full((24, 24), 7, np.uint8)).save(path)


def test_copies_stay_in_one_fold(folder):
    first = Image.open(folder / "a" / "a00.png")
    first.save(folder / "a" / "again.png")
    first.save(folder / "a" / "saved.jpg", quality=95)
    first.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "a" / "turned.png")
    seen = examined(look(str(folder)))
    assert "4 images have one" in seen.checks[0] and "copies stay in one fold" in seen.checks[0]
    ids = seen.listing.ids.tolist()
    copies = [
        ids.index(f"a/{name}") for name in ("a00.png", "again.png", "saved.jpg", "turned.png")
    ]
    assert len(set(seen.units[copies])) == 1 and len(set(seen.units)) == 32
    for member in range(3):
        splits = divided(seen.listing, Division("rotation", 3), member, units=seen.units).splits
        assert len(set(splits[copies])) == 1


def test_copies_count_once_for_the_fewest_cases(folder):
    for name in ("a14", "a15"):
        (folder / "a" / f"{name}.png").unlink()
        shutil.copy(folder / "a" / "a00.png", folder / "a" / f"{name}.png")
    choose_division(look(str(folder)))
    with pytest.raises(ValueError, match="has 14 cases \\(copies of an image count once\\) of cl"):
        choose_division(examined(look(str(folder))))


def test_patients_and_copies_together(folder):
    shutil.copy(folder / "a" / "a00.png", folder / "a" / "b99.png")
    seen = examined(look(str(folder), {"group_pattern": r"^(.\d)"}))
    ids = seen.listing.ids.tolist()
    rows = [ids.index(f"a/{name}.png") for name in ("a00", "a09", "b99")]
    assert len(set(seen.units[rows])) == 1  # a00 and a09 are of one patient, b99 is a copy


@pytest.mark.parametrize("quality", [None, 95])
def test_a_copy_in_the_test_split_is_refused(folder, quality):
    given_splits(folder)
    first = Image.open(folder / "train" / "a" / "a00.png")
    copy = folder / "test" / "a" / ("x.jpg" if quality else "x.png")
    first.save(copy, **({"quality": quality} if quality else {}))
    with pytest.raises(
        ValueError, match=r"leakage .* \(first: train/a/a00.png = test/a/x"
    ) as error:
        checks(folder)
    assert "\n" not in str(error.value)


def test_a_patient_in_the_test_split_is_refused(folder):
    given_splits(folder)
    with pytest.raises(ValueError, match="groups in several splits 2"):
        checks(folder, group_pattern="^([ab])")


def test_train_and_validation_are_divided_again(folder):
    given_splits(folder)
    (folder / "val").mkdir()
    for name in "ab":
        shutil.copytree(folder / "train" / name, folder / "val" / name)
    assert "24 exact" in checks(folder) or "exact duplicates 24" in checks(folder)


def test_the_same_images_in_two_classes(folder):
    shutil.copy(folder / "a" / "a00.png", folder / "b" / "x.png")
    assert "one of the labels is wrong" in checks(folder)
    shutil.rmtree(folder / "b")
    shutil.copytree(folder / "a", folder / "b")
    with pytest.raises(ValueError, match="32 of 32 images are the same as an image of another cla"):
        checks(folder)


def test_blank_images(folder):
    blank(folder / "b" / "b00.png")
    assert "1 image holds a single gray value (first: b/b00.png)" in checks(folder)
    for i in range(12):
        blank(folder / "b" / f"b{i:02d}.png")
    with pytest.raises(ValueError, match="12 of 16 images of 'b' hold a single gray value"):
        checks(folder)


def test_unreadable_images(folder):
    (folder / "a" / "x.png").write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"1 of 33 images cannot be read, first a/x.png"):
        checks(folder)
    seen = examined(look(str(folder), {"skip_unreadable": True}))
    assert seen.checks and data_overrides(seen)["skip_unreadable"] is True


def test_many_images_are_examined_by_the_training(folder, monkeypatch):
    monkeypatch.setattr("medmonai.planning.examination._MOST_CASES", 10)
    assert "not looked for yet" in checks(folder)
