"""What a person names on the command line, with the options that each kind of source takes."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from PIL import Image
from source_files import write_class_folders, write_ham10000, write_picture

from medmonai.data import audit_cohorts
from medmonai.data.decoding.preview import preview_cohort
from medmonai.data.describe.source import decoded, open_source
from medmonai.data.files.headers import read_headers

HAM = {
    "image-column": "image_id",
    "label-column": "dx",
    "images": "HAM10000_images_part_*",
    "suffix": ".jpg",
    "group_column": "lesion_id",
    "metadata_columns": "age,sex",
}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "cache"))
    return write_class_folders(tmp_path / "set", {"A": 8, "B": 8}, size=(20, 16), suffix=".png")


def test_a_folder(folders):
    listing = open_source(str(folders), {"group_pattern": r"^(person\d+)_"})
    assert listing.provenance.name == "set" and len(listing) == 16 and len(set(listing.groups)) == 8


def test_a_table(tmp_path):
    write_ham10000(tmp_path, rows=21, size=(12, 15))
    listing = open_source(str(tmp_path / "HAM10000_metadata.csv"), HAM)
    assert (
        len(listing) == 21
        and set(listing.metadata) == {"age", "sex"}
        and listing.groups is not None
    )


def test_names_that_are_numbers(tmp_path):
    for name in ("a.1", "b.1"):
        write_picture(tmp_path / "2019" / f"{name}.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "t.csv").write_text("1,2,3,4\na,0,x,5\nb,1,y,6\n")
    options = {
        "image_column": 1,
        "label_column": 2,
        "images": 2019,
        "suffix": ".1.png",
        "metadata_columns": [3, 4],
        "name": 7,
    }
    listing = open_source(str(tmp_path / "t.csv"), options)
    assert listing.ids.tolist() == ["a.1.png", "b.1.png"] and listing.provenance.name == "7"
    assert listing.metadata["3"].tolist() == ["x", "y"] and listing.metadata["4"].tolist() == [
        "5",
        "6",
    ]


def test_medmnist(real_data):
    cohorts = open_source("pneumoniamnist", {"dataset-dir": str(real_data / "medmnist")})
    assert [cohort.split for cohort in cohorts] == ["train", "val", "test"]


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (
            "pneumoniamnits",
            {},
            FileNotFoundError,
            "no source 'pneumoniamnits'; did you mean pneumoniamnist?",
        ),
        (
            "nothing/there",
            {},
            FileNotFoundError,
            "nothing/there does not exist; give a MedMNIST name, a bundle, a folder",
        ),
        ("nothing.csv", {}, FileNotFoundError, "nothing.csv does not exist; give a MedMNIST name"),
        (__file__, {}, FileNotFoundError, "is a file of another kind; give a MedMNIST name"),
        (
            "FOLDER",
            {"class_names": "NORMAL"},
            ValueError,
            "class_names='NORMAL' is one name; give all classes in the order of their labels",
        ),
        (
            "TABLE",
            {"image_column": "image_id", "labels_are_classes": "no"},
            ValueError,
            r"labels_are_classes='no'; true or false is needed \(--labels_are_classes true\)",
        ),
        (
            "FOLDER",
            {"group_patern": "x"},
            ValueError,
            "--group_patern is not an option for .*; did you mean --group_pattern",
        ),
        ("FOLDER", {"zzz": 1}, ValueError, "it takes --name, --class_names"),
        (
            "TABLE",
            {"image_column": "image_id"},
            ValueError,
            "none of its columns 'image_id', 'z' looks like classes",
        ),
    ],
)
def test_errors(source, options, error, message, folders, tmp_path):
    (tmp_path / "t.csv").write_text("image_id,z\na,b\n")
    with pytest.raises(error, match=message):
        open_source(
            {"FOLDER": str(folders), "TABLE": str(tmp_path / "t.csv")}.get(source, source), options
        )


@pytest.mark.parametrize("given", ["B,A", "B, A", " B ,A "])
def test_spaces_in_a_list_do_not_count(given, folders):
    assert open_source(str(folders), {"class_names": given}).class_names == ("B", "A")


def test_nothing_is_downloaded_unless_told(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMNIST_ROOT", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="download=False"):
        open_source("bloodmnist", {"dataset_dir": str(tmp_path)})


def test_decoded_as_one_split_finds_duplicates(folders):
    first, second = sorted((folders / "A").iterdir())[:2]
    second.write_bytes(first.read_bytes())
    (cohort,) = decoded(open_source(str(folders), {}), size=32)
    assert (cohort.split, cohort.spatial_size, cohort.in_channels) == ("all", (32, 32), 1)
    assert audit_cohorts([cohort]).finding("exact duplicates").count >= 1


def test_decoded_with_splits_and_colour(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "cache"))
    root = write_class_folders(
        tmp_path / "set", {s: {"A": 4, "B": 4} for s in ("train", "val", "test")}, channels=3
    )
    cohorts = decoded(open_source(str(root), {}), size=8)
    assert [c.split for c in cohorts] == ["train", "val", "test"] and {
        c.in_channels for c in cohorts
    } == {3}


def test_preview_of_mixed_files(folders):
    Image.fromarray(np.arange(20 * 16, dtype=np.uint16).reshape(20, 16) * 50).save(
        folders / "A" / "deep.png"
    )
    Image.new("RGB", (300, 400), (250, 0, 0)).save(folders / "B" / "red.png")
    (folders / "B" / "broken.png").write_bytes(b"")
    listing = open_source(str(folders), {})
    shown = preview_cohort(listing, read_headers(listing.files), per_class=20)
    assert len(shown) == 18 and (shown.in_channels, shown.spatial_size) == (3, (20, 16))
    deep = shown.images[shown.ids == "A/deep.png"][0]
    assert deep.min() == 0 and deep.max() == 255  # its own window
    assert shown.images[shown.ids == "B/red.png"][0][:, 5, 5].tolist() == [250, 0, 0]
    few = preview_cohort(listing, read_headers(listing.files), per_class=2, longest=10)
    assert len(few) <= 4 and max(few.spatial_size) == 10


def test_preview_of_volumes(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
        for i in range(2):
            volume = rng.normal(-200, 300, (10, 12, 8)).astype(np.int16)
            nibabel.save(
                nibabel.Nifti1Image(volume, np.diag([1, 1, 2.5, 1])),
                tmp_path / name / f"{i}.nii.gz",
            )
    listing = open_source(str(tmp_path), {})
    shown = preview_cohort(listing, read_headers(listing.files))
    assert shown.spatial_size == (10, 12, 8) and shown.in_channels == 1 and len(shown) == 4


def test_nothing_that_can_be_read(folders):
    for file in folders.rglob("*.png"):
        file.write_bytes(b"")
    listing = open_source(str(folders), {})
    with pytest.raises(ValueError, match="none of the 12 cases looked at can be read, first 'A/"):
        preview_cohort(listing, read_headers(listing.files))
