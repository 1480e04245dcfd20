from __future__ import annotations

import os

import pytest

from medmonai.data.file_walk import find_images, sub_folders


def touch(root, *names, content=b"x"):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def test_what_is_an_image(tmp_path):
    images = ["a.png", "b.JPG", "c.jpeg", "d.tif", "e.TIFF", "f.nii", "g.nii.gz", "deep/er/h.png"]
    touch(tmp_path, *images, ".hidden.png", "._a.png", ".DS_Store", "__MACOSX/a.png", "Thumbs.db", "x.npz", "notes.txt")
    found = find_images(tmp_path, inside="train/A/")
    assert found.cases == sorted(images)
    assert [(out.name, out.reason) for out in found.left_out] == [
        (f"train/A/{name}", "no image by its name") for name in ("Thumbs.db", "notes.txt", "x.npz")]
    assert sub_folders(tmp_path) == ["deep"]


def test_a_dicom_series_is_one_case(tmp_path):
    mark = b"\0" * 128 + b"DICM"
    touch(tmp_path, "xray.dcm", "series1/1.dcm", "series1/2.dcm", "series1/LICENSE", "p/series2/1.dcm", "mixed/1.dcm",
          "mixed/a.png")
    touch(tmp_path, "scanner/CT.1.2.840.1", "scanner/CT.1.2.840.2", "bare", content=mark)
    touch(tmp_path, "scanner/DICOMDIR", content=mark)
    found = find_images(tmp_path)
    assert found.cases == ["bare", "mixed/1.dcm", "mixed/a.png", "p/series2", "scanner", "series1", "xray.dcm"]
    assert {out.name for out in found.left_out} == {"scanner/DICOMDIR", "series1/LICENSE"}


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
    assert reasons == {"again/back": again, "again2": again, "loop": again,
                       "nowhere.png": "a link that leads nowhere, or no file"}


def test_the_folder_comes_before_a_link_to_it(tmp_path):
    touch(tmp_path, "z/a.png")
    (tmp_path / "a_link").symlink_to(tmp_path / "z")
    assert find_images(tmp_path).cases == ["z/a.png"]


def test_the_real_series(real_data):
    found = find_images(real_data / "ct")
    assert "abdomen_dicom_series" in found.cases and [out.name for out in found.left_out] == ["LICENSE"]
