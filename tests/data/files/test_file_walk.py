from __future__ import annotations

import os

import pytest

from medmonai.data.files.file_walk import find_images, find_in_folders, known_suffix, sub_folders


def touch(root, *names, content=b"x"):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def test_what_is_an_image(tmp_path):
    images = ["a.png", "b.JPG", "c.jpeg", "d.tif", "e.TIFF", "f.nii", "g.nii.gz", "deep/er/h.png"]
    touch(
        tmp_path,
        *images,
        ".hidden.png",
        "._a.png",
        ".DS_Store",
        "__MACOSX/a.png",
        "Thumbs.db",
        "x.npz",
        "notes.txt",
    )
    found = find_images(tmp_path, inside="train/A/")
    assert found.cases == sorted(images)
    assert [(out.name, out.reason) for out in found.left_out] == [
        (f"train/A/{name}", "no image by its name") for name in ("Thumbs.db", "notes.txt", "x.npz")
    ]
    assert sub_folders(tmp_path) == ["deep"]


def test_a_dicom_series_is_one_case(tmp_path):
    mark = b"\0" * 128 + b"DICM"
    touch(
        tmp_path,
        "xray.dcm",
        "series1/1.dcm",
        "series1/2.dcm",
        "series1/LICENSE",
        "p/series2/1.dcm",
        "mixed/1.dcm",
        "mixed/a.png",
    )
    touch(tmp_path, "scanner/CT.1.2.840.1", "scanner/CT.1.2.840.2", "bare", content=mark)
    touch(tmp_path, "scanner/DICOMDIR", content=mark)
    found = find_images(tmp_path)
    assert found.cases == [
        "bare",
        "mixed/1.dcm",
        "mixed/a.png",
        "p/series2",
        "scanner",
        "series1",
        "xray.dcm",
    ]
    assert {out.name for out in found.left_out} == {"scanner/DICOMDIR", "series1/LICENSE"}


def test_a_stray_picture_does_not_turn_a_series_into_its_slices(tmp_path):
    touch(
        tmp_path,
        *(f"p{p}/{i}.dcm" for p in (1, 2) for i in range(7)),
        "p1/preview.png",
        "p3/1.dcm",
        "p3/deep/a.png",
    )
    (tmp_path / "p2" / "empty").mkdir()
    found = find_images(tmp_path)
    assert found.cases == ["p1", "p2", "p3", "p3/deep/a.png"]
    assert [(out.name, out.reason) for out in found.left_out] == [
        ("p1/preview.png", "another image in the folder of a DICOM series")
    ]
    each = find_images(tmp_path, dicom_folders="files")
    assert len(each.cases) == 17 and each.left_out == [] and "p1/preview.png" in each.cases
    with pytest.raises(ValueError, match="dicom_folders='slices'; 'series'"):
        find_images(tmp_path, dicom_folders="slices")


def test_kinds_that_are_not_read_say_so(tmp_path):
    touch(tmp_path, "a.BMP", "b.webp", "c.doc", "d.png")
    assert {out.name: out.reason for out in find_images(tmp_path).left_out} == {
        "a.BMP": "an image of a kind that is not read (.bmp)",
        "b.webp": "an image of a kind that is not read (.webp)",
        "c.doc": "no image by its name",
    }
    assert [known_suffix(name) for name in ("a.b.NII.GZ", "x.nii", "1.2.840", ".png")] == [
        ".NII.GZ",
        ".nii",
        "",
        ".png",
    ]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
@pytest.mark.parametrize("name", [b"caf\xe9.png", b"caf\xe9/a.png"])
def test_names_that_no_table_can_hold_are_refused(tmp_path, name):
    path = os.path.join(os.fsencode(tmp_path), name)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "wb").close()
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")
    with pytest.raises(
        ValueError, match=r"the name 'caf\\udce9.* is not UTF-8; rename it"
    ) as raised:
        find_images(tmp_path)
    assert str(raised.value).isascii()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_followed_after_every_folder_has_been_read(tmp_path):
    touch(tmp_path, "A/a.png", "B/deep/b.png", "outside/c.png")
    (tmp_path / "A" / "other").symlink_to(tmp_path / "B" / "deep")
    (tmp_path / "A" / "up").symlink_to(tmp_path)
    (tmp_path / "A" / "pool").symlink_to(tmp_path / "outside")
    (tmp_path / "C").symlink_to(tmp_path / "B")
    first, linked, last = find_in_folders(
        [(tmp_path / name, f"{name}/") for name in "ACB"], above=[tmp_path]
    )
    assert (
        first.cases == ["a.png", "pool/c.png"]
        and linked.cases == []
        and last.cases == ["deep/b.png"]
    )
    assert [out.name for out in first.left_out] == ["A/other", "A/up"] and [
        out.name for out in linked.left_out
    ] == ["C"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_and_loops(tmp_path):
    touch(tmp_path, "real/a.png", "elsewhere/b.png")
    root = tmp_path / "real"
    (root / "loop").symlink_to(root)
    (root / "again").symlink_to(tmp_path / "elsewhere")
    (root / "again2").symlink_to(tmp_path / "elsewhere")
    (root / "nowhere.png").symlink_to(tmp_path / "absent")
    (root / "file.png").symlink_to(root / "a.png")
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    found = find_images(root)
    assert found.cases == ["a.png", "again/b.png", "file.png"]
    reasons = {out.name: out.reason for out in found.left_out}
    again = "a link to a folder that is read already"
    assert reasons == {
        "again/back": again,
        "again2": again,
        "loop": again,
        "nowhere.png": "a link that leads nowhere, or no file",
    }


def test_the_folder_comes_before_a_link_to_it(tmp_path):
    touch(tmp_path, "z/a.png")
    (tmp_path / "a_link").symlink_to(tmp_path / "z")
    assert find_images(tmp_path).cases == ["z/a.png"]


def test_the_real_series(real_data):
    found = find_images(real_data / "ct")
    assert "abdomen_dicom_series" in found.cases and [out.name for out in found.left_out] == [
        "LICENSE"
    ]
