from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from cached_images import FORM, get, names
from PIL import Image
from source_files import write_picture

from medmonai.data import ImageForm
from medmonai.data.decoding import image_cache
from medmonai.data.decoding.image_cache import decoded_images as decoded
from medmonai.data.decoding.image_cache import relative_paths


def test_the_second_start_decodes_nothing(files, tmp_path, monkeypatch):
    first = get(files, tmp_path)
    assert (
        first.new
        and first.rows.tolist() == list(range(12))
        and first.path.name.startswith("a_set_1-")
    )
    assert names(tmp_path) == [".json", ".npy"]
    monkeypatch.setattr(
        image_cache, "_decode_into", lambda *args, **kwargs: pytest.fail("decoded again")
    )
    second = get(files, tmp_path)
    assert not second.new and np.array_equal(second.rows, first.rows) and second.path == first.path
    shuffled = get(files[::-1], tmp_path)
    assert shuffled.rows.tolist() == list(range(12))[::-1]
    assert isinstance(second.images(on_disk=True), np.memmap) and not isinstance(
        second.images(on_disk=False), np.memmap
    )
    assert vars(second.record) == vars(first.record)


def test_what_makes_another_file(files, tmp_path):
    paths = {get(files, tmp_path).path}
    paths.add(get(files, tmp_path, ImageForm((10, 9), in_channels=1)).path)
    paths.add(get(files, tmp_path, ImageForm((10, 8), in_channels=3)).path)
    paths.add(get(files, tmp_path, ImageForm((10, 8), in_channels=1, aspect="pad")).path)
    paths.add(
        get(files, tmp_path, ImageForm((10, 8), in_channels=1, intensity_range=(0, 255))).path
    )
    paths.add(get(files, tmp_path, ImageForm((10, 8), in_channels=1, jpeg_scaling=True)).path)
    paths.add(get(files[1:], tmp_path).path)
    os.utime(files[0], ns=(1, 1))
    paths.add(get(files, tmp_path).path)
    files[0].rename(files[0].with_name("x.png"))
    paths.add(get([files[0].with_name("x.png"), *files[1:]], tmp_path).path)
    assert len(paths) == 9


def test_a_moved_set_keeps_its_cache(files, tmp_path):
    before = get(files, tmp_path).path
    shutil.copytree(tmp_path / "set", tmp_path / "moved")  # keeps the times
    assert (
        get(
            [tmp_path / "moved" / file.relative_to(tmp_path / "set") for file in files], tmp_path
        ).path
        == before
    )


def test_a_damaged_cache_is_made_anew(files, tmp_path):
    def overwrite():
        with open(path, "r+b") as file:
            file.seek(200)
            file.write(b"\7" * 300)

    path = get(files, tmp_path).path
    expected = np.load(path)
    note = path.with_suffix(".json")
    for damage in (
        lambda: path.write_bytes(path.read_bytes()[:500]),
        path.unlink,
        lambda: note.write_text("{"),
        lambda: note.write_text('{"key": 1}'),
        note.unlink,
        lambda: np.save(path, expected[:5]),
        overwrite,
    ):
        damage()
        found = get(files, tmp_path)
        assert found.new and np.array_equal(found.images(on_disk=False), expected)


def test_unreadable_files_have_no_row(files, tmp_path):
    files[2].write_bytes(b"")
    files[11].write_bytes(b"no")
    for new in (True, False):
        found = get(files, tmp_path)
        assert found.new == new and found.rows.tolist() == [0, 1, -1, 2, 3, 4, 5, 6, 7, 8, 9, -1]
        assert set(found.unreadable) == {2, 11} and "2.png (0 bytes)" in found.unreadable[2]
        assert found.images(on_disk=True).shape == (10, 1, 10, 8)
    backwards = get(files[::-1], tmp_path)
    assert set(backwards.unreadable) == {0, 9} and not backwards.new


def test_unreadable_files_are_tried_again(files, tmp_path, monkeypatch):
    files[2].write_bytes(b"")
    get(files, tmp_path)
    stat = files[2].stat()
    read = image_cache.decode_files
    monkeypatch.setattr(
        image_cache,
        "decode_files",
        lambda found, *rest, **more: read([files[0]] * len(found), *rest, **more),
    )
    # as if a decoder had been installed; time and size are the same
    assert get(files, tmp_path).new
    assert files[2].stat().st_mtime_ns == stat.st_mtime_ns


def test_the_folder_of_the_images_stays_as_it_is(files, tmp_path, monkeypatch):
    monkeypatch.delenv("MEDMONAI_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    before = sorted((tmp_path / "set").rglob("*"))
    assert decoded(files, FORM, name="a").path.parent == tmp_path / "home" / "medmonai"
    assert sorted((tmp_path / "set").rglob("*")) == before


def test_a_cache_that_was_asked_for_beside_the_images_is_no_image(files, tmp_path):
    from medmonai.data.files.file_walk import find_images

    place = tmp_path / "set" / ".medmonai"
    assert decoded(files, FORM, name="a", cache_dir=place).path.parent == place
    assert (
        len(find_images(tmp_path / "set").cases) == 12
        and not decoded(files, FORM, name="a", cache_dir=place).new
    )


def test_sets_whose_files_have_the_same_names_sizes_and_times(tmp_path):
    """As archives are unpacked: uncompressed images of one size, all of one time."""
    found = []
    for name, grey in (("left", 10), ("right", 200)):
        files = [tmp_path / name / f"{i:02d}.tif" for i in range(40)]
        files[0].parent.mkdir()
        for file in files:
            Image.new("L", (12, 9), grey).save(file)
            os.utime(file, (0, 0))
        found.append(
            decoded(files, FORM, name="set", cache_dir=tmp_path / "cache").images(on_disk=False)
        )
    assert (found[0] == 10).all() and (found[1] == 200).all()


def test_a_copied_cache_serves_and_a_changed_one_does_not(files, tmp_path):
    path = get(files, tmp_path).path
    os.utime(path, (1, 1))  # as after cp
    assert not get(files, tmp_path).new and not get(files, tmp_path).new
    with open(path, "r+b") as file:
        file.seek(300)
        file.write(b"\0" * 50)
    assert get(files, tmp_path).new


def test_relative_paths(tmp_path):
    assert relative_paths([Path("/a/b/c.png"), Path("/a/b/d/e.png")]) == ["c.png", "d/e.png"]
    assert relative_paths([Path("/a/b/c.png")]) == ["c.png"]
    assert relative_paths([Path("/a/bb/c.png"), Path("/a/b/c.png")]) == ["bb/c.png", "b/c.png"]
    cases = [(Path("/a/b/c.png"), Path("/a/d.png")), (None, Path("/a/e.png"))]
    assert relative_paths(cases) == ["b/c.png + d.png", "- + e.png"]


def test_every_file_of_a_case_counts(files, tmp_path):
    """The order of the channels, a missing one and a changed one each make another file."""
    form = ImageForm((10, 8), in_channels=4, indicators=(0, 1))
    pairs = list(zip(files[::2], files[1::2]))
    first = get(pairs, tmp_path, form)
    assert first.new and not get(pairs, tmp_path, form).new
    both = first.images(on_disk=False)
    turned = get([pair[::-1] for pair in pairs], tmp_path, form)
    assert turned.new and np.array_equal(turned.images(on_disk=False)[:, :2], both[:, 1::-1])
    lacking = get([(pairs[0][0], None), *pairs[1:]], tmp_path, form)
    assert lacking.new and not lacking.images(on_disk=False)[lacking.rows[0], 1::2].any()
    write_picture(pairs[3][1], np.full((12, 9), 7, np.uint8))
    again = get(pairs, tmp_path, form)
    assert again.new and (again.images(on_disk=False)[again.rows[3], 1] == 7).all()


def test_the_note_holds_no_folder(files, tmp_path):
    files[1].write_bytes(b"")
    note = get(files, tmp_path).path.with_suffix(".json").read_text()
    assert str(tmp_path) not in note and json.loads(note)["record"]["unreadable"].keys() == {
        "B/1.png"
    }
