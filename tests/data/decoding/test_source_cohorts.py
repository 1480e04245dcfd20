from __future__ import annotations

import logging
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from dicom_files import dataset, save, write_series
from PIL import Image
from source_files import write_class_folders, write_ham10000, write_picture

from medmonai.data import (
    About,
    CaseGroups,
    ImageFiles,
    ImageForm,
    LeftOut,
    TableColumns,
    list_class_folders,
    list_image_table,
    load_listing,
    split_listing,
)
from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.decoding.decode_pool import DecodeRecord
from medmonai.data.decoding.source_cohorts import decode_notes
from medmonai.data.files.reading import read_case
from medmonai.data.options import grouped

GREY = PixelKind("L")
COUNTS = {"train": {"A": 6, "B": 8}, "val": {"A": 2, "B": 3}, "test": {"A": 3, "B": 2}}


@pytest.fixture
def listing(tmp_path):
    root = write_class_folders(tmp_path / "set", COUNTS, size=(20, 16), suffix=".png")
    return list_class_folders(
        root, name="set", groups=CaseGroups(r"(person\d+)_"), about=About(known_issues=["known"])
    )


def load(listing, tmp_path, **options):
    """`load_listing` with the form side by side with its other options."""
    flat = {"spatial_size": (20, 16), "in_channels": 1, "cache_dir": tmp_path / "cache", **options}
    return load_listing(**grouped(load_listing, {"listing": listing, **flat}))


def check(cohorts, listing):
    """Every case of the listing is in its split, with its own pixels, label and group."""
    row_of = {name: row for row, name in enumerate(listing.ids.tolist())}
    form = ImageForm(cohorts["train"].spatial_size, in_channels=cohorts["train"].in_channels)
    assert sum(map(len, cohorts.values())) == len(listing)
    for split, cohort in cohorts.items():
        for i, name in enumerate(cohort.ids.tolist()):
            row = row_of[name]
            assert listing.splits[row] == split and listing.labels[row] == cohort.labels[i]
            assert listing.groups is None or listing.groups[row] == cohort.groups[i]
            assert np.array_equal(cohort.images[i], read_case(listing.files[row], form).image)


@pytest.mark.parametrize("memory_limit", [0, None])
@pytest.mark.parametrize("channels", [1, 3])
def test_splits_are_views_of_one_array(listing, tmp_path, memory_limit, channels):
    for _ in range(2):
        cohorts = load(listing, tmp_path, memory_limit=memory_limit, in_channels=channels)
        assert list(cohorts) == ["train", "val", "test"] and [len(c) for c in cohorts.values()] == [
            14,
            5,
            5,
        ]
        check(cohorts, listing)
        on_disk = [isinstance(cohort.images, np.memmap) for cohort in cohorts.values()]
        assert all(on_disk) if memory_limit == 0 else not any(on_disk)
        bases = {
            id(cohort.images.base if memory_limit is None else cohort.images.base.base)
            for cohort in cohorts.values()
        }
        assert (
            all(cohort.images.base is not None for cohort in cohorts.values()) and len(bases) == 1
        )
        assert (
            cohorts["val"].provenance.known_issues[0] == "known"
            and cohorts["train"].task == listing.task
        )


@pytest.mark.parametrize("memory_limit", [0, None])
def test_another_division_takes_the_same_file(listing, tmp_path, memory_limit):
    load(listing, tmp_path)
    for seed in range(3):
        other = split_listing(listing, seed=seed, val_fraction=0.3, min_validation=0)
        other = other.subset(np.random.default_rng(seed).permutation(len(other)))
        check(load(other, tmp_path, memory_limit=memory_limit), other)
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1


def test_metadata_and_order_of_a_table(tmp_path):
    root = write_ham10000(tmp_path, rows=84, size=(9, 12))
    listing = split_listing(
        list_image_table(
            root / "HAM10000_metadata.csv",
            TableColumns(
                "image_id", "dx", group_column="lesion_id", metadata_columns=("age", "sex")
            ),
            name="ham",
            images=ImageFiles("HAM*", suffix=".jpg"),
        ),
        min_validation=0,
    )
    cohorts = load(listing, tmp_path, spatial_size=(9, 12), in_channels=3)
    check(cohorts, listing)
    age = dict(zip(listing.ids.tolist(), listing.metadata["age"].tolist()))
    for cohort in cohorts.values():
        assert [age[name] for name in cohort.ids.tolist()] == cohort.metadata["age"].tolist()


def test_unreadable(listing, tmp_path, caplog):
    bad = [0, 15, len(listing) - 1]
    for row in bad:
        listing.files[row].write_bytes(b"")
    for _ in range(2):  # decoded, and from the cache
        with pytest.raises(
            ValueError,
            match=(
                rf"set: 3 of 24 images cannot be read, first {listing.ids[0]}: .*file is empty; "
                r".*pass skip_unreadable=True \(--skip_unreadable true\)"
            ),
        ):
            load(listing, tmp_path)
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="medmonai.data"):
            cohorts = load(listing, tmp_path, skip_unreadable=True)
        kept = listing.subset(np.setdiff1d(np.arange(24), bad))
        check(cohorts, kept)
        assert len(cohorts.listing) == 21 and [
            out.name for out in cohorts.listing.left_out
        ] == sorted(listing.ids[bad])
        assert all(
            isinstance(out, LeftOut) and str(tmp_path) not in out.reason
            for out in cohorts.listing.left_out
        )
        note = f"3 of 24 images could not be read and were left out, first {listing.ids[0]}."
        assert note in cohorts["test"].provenance.facts and note in caplog.text
    for file in listing.files:
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="24 of 24 images cannot be read"):
        load(listing, tmp_path)
    with pytest.raises(
        ValueError,
        match=rf"set: none of the 24 images can be read, first {listing.ids[0]}: .*file is empty",
    ):
        load(listing, tmp_path, skip_unreadable=True)


@pytest.mark.parametrize(("split", "name"), [("val", "A"), ("test", "B"), ("train", "A")])
def test_a_class_that_only_unreadable_files_had(listing, tmp_path, split, name):
    for row in np.flatnonzero((listing.splits == split) & (listing.labels == "AB".index(name))):
        listing.files[row].write_bytes(b"")
    n = COUNTS[split][name]
    for _ in range(2):
        with pytest.raises(
            ValueError,
            match=rf"after leaving out {n} unreadable images, set: {split} has no class '{name}'",
        ):
            load(listing, tmp_path, skip_unreadable=True)
    # lacked other splits before: its own affair
    load(listing.subset(listing.splits == split), tmp_path, skip_unreadable=True)


def test_nan_is_left_out_as_damage_is(listing, tmp_path):
    for row in (0, 20):
        nan = np.full((20, 16), np.nan, np.float32)
        Image.fromarray(nan).save(listing.files[row], format="TIFF")
    with pytest.raises(
        ValueError, match=r"set: 2 of 24 images cannot be read, .*holds NaN or infinite grey values"
    ):
        load(listing, tmp_path)
    cohorts = load(listing, tmp_path, skip_unreadable=True)
    assert [out.name for out in cohorts.listing.left_out] == sorted(listing.ids[[0, 20]])


def test_a_range_that_leaves_nothing_is_told(listing, tmp_path):
    for row in (3, 4):
        write_picture(listing.files[row], np.full((20, 16), 65000 * (row == 3), np.uint16))
    issues = load(listing, tmp_path, intensity_range=(0, 4095))["train"].provenance.facts
    assert issues[-1] == (
        "2 of 24 images are plain black or almost plain white after intensity_range: they lie "
        "outside it, or are blank."
    )


def test_mixed_files_are_told(listing, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((16, 20, 3), np.uint8)).save(listing.files[0], exif=exif)
    write_picture(listing.files[1], np.zeros((40, 16), np.uint8))
    for _ in range(2):
        issues = load(listing, tmp_path)["train"].provenance.facts
        assert issues == (
            "Modes of the 24 images: 23 L, 1 RGB; colour was made grey by luma.",
            (
                "1 of 24 images have another size (20 x 16 to 40 x 16) and were resampled (stretch "
                "to 20 x 16)."
            ),
            "1 of 24 images were turned upright by their EXIF orientation.",
        )


def test_notes():
    form = ImageForm((8, 8), in_channels=3, intensity_range=(0, 4095))
    record = DecodeRecord(kinds={PixelKind("16 bits", bits=16): 5, GREY: 1}, sizes={"8 x 8": 6})
    assert decode_notes(record, form) == [
        "Modes of the 6 images: 5 16 bits, 1 L; grey was repeated over 3 channels.",
        (
            "1 of 6 images have 8 bits and the others more; intensity_range (0.0, 4095.0) was "
            "applied to all of them."
        ),
    ]
    assert (
        decode_notes(
            DecodeRecord(kinds={GREY: 9}, sizes={"8 x 8": 9}), ImageForm((8, 8), in_channels=1)
        )
        == []
    )
    shallow = DecodeRecord(kinds={GREY: 9}, sizes={"8 x 8": 9})
    for high, expected in (
        (
            4095,
            [
                "All 9 images have 8 bits, so values of 0 to 255; intensity_range (0.0, 4095.0) "
                "was applied to them as it is."
            ],
        ),
        (200, []),
    ):
        assert (
            decode_notes(shallow, ImageForm((8, 8), in_channels=1, intensity_range=(0, high)))
            == expected
        )
    whole = DecodeRecord(
        kinds={PixelKind("RGB of 16 bits", colour=True, bits=16): 9},
        sizes={"8 x 8": 9},
        remarks={"are odd": 9},
    )
    assert decode_notes(whole, replace(form, intensity_range=(0, 65535))) == [
        "9 of 9 images are odd."
    ]
    record = DecodeRecord(kinds={PixelKind("RGBA", colour=True): 9}, sizes={"8 x 8": 9})
    alone = decode_notes(record, ImageForm((8, 8), in_channels=1))
    assert alone == ["Modes of the 9 images: 9 RGBA; colour was made grey by luma."]


def test_volumes_keep_their_places(tmp_path):
    rng = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for name in "AB":
            for i in range(2):
                path = tmp_path / "set" / split / name / f"{i}.nii.gz"
                path.parent.mkdir(parents=True, exist_ok=True)
                data = rng.integers(0, 200, (6, 7, 8), dtype=np.uint8)
                nibabel.save(nibabel.Nifti1Image(data, np.diag([2, 2, 3 + i, 1])), path)
    listing = list_class_folders(tmp_path / "set", name="set")
    for _ in range(2):
        cohorts = load(listing, tmp_path, spatial_size=(6, 7, 8))
        check(cohorts, listing)
        for cohort in cohorts.values():
            assert [place.original_affine[2, 2] for place in cohort.places] == [3, 4, 3, 4]
    for _ in range(2):
        issues = load(listing, tmp_path, spatial_size=(6, 7, 8), spacing=(2, 2, 3))[
            "train"
        ].provenance.facts
        assert issues[-1] == (
            "6 of 12 volumes are larger than spatial_size at this spacing and were cropped around "
            "their centre; the smallest part that is left of one is 75%."
        )


def test_what_is_missing(listing, tmp_path):
    with pytest.raises(
        ValueError, match="set: the listing says no splits; divide it with split_listing"
    ):
        load(replace(listing, splits=None), tmp_path)
    cohorts = load(listing.subset(listing.splits != "test"), tmp_path)
    assert len(cohorts) == 2 and "test" not in cohorts
    with pytest.raises(KeyError, match=r"set has no split 'test', only train, val"):
        cohorts["test"]
    for wrong in (
        {"in_channels": 2},
        {"spatial_size": (4,)},
        {"aspect": "zoom"},
        {"intensity_range": (1, 0)},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            load(listing, tmp_path, **wrong)


def test_colour_where_grey_is_expected_and_the_other_way(tmp_path):
    root = write_class_folders(tmp_path / "set", COUNTS, size=(8, 8), channels=3, suffix=".png")
    listing = list_class_folders(root, name="set")
    grey = load(listing, tmp_path, spatial_size=(8, 8))["train"]
    assert grey.images.shape[1:] == (1, 8, 8) and grey.provenance.known_issues == ()
    assert "colour was made grey" in grey.provenance.facts[0]


def grey_and_colour(tmp_path, kind, spatial_dims):
    """Write 24 files of one format, grey, and return their folder."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(12):
            values = rng.integers(0, 255, (9, 8, 7) if spatial_dims == 3 else (9, 8, 1)).astype(
                np.int16
            )
            path = tmp_path / name / f"{i}"
            if kind == "NIfTI":
                nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path.with_suffix(".nii.gz"))
            elif spatial_dims == 3:
                write_series(path, values, np.eye(4))
            else:
                save(dataset(values[..., 0], RescaleIntercept=0), path.with_suffix(".dcm"))
    return tmp_path


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("kind", ["NIfTI", "DICOM"])
def test_grey_files_are_not_said_to_be_in_colour(tmp_path, kind, spatial_dims):
    pytest.importorskip("pydicom")
    listing = list_class_folders(grey_and_colour(tmp_path, kind, spatial_dims), name="set")
    listing = split_listing(listing, seed=0, val_fraction=0.25, test_fraction=0.25)
    form = {"spatial_size": (9, 8, 7)[:spatial_dims], "intensity_range": (0, 255)}
    assert not any("Modes" in note for note in load(listing, tmp_path, **form).listing.notes)
    notes = load(listing, tmp_path, **form, in_channels=3).listing.notes
    assert f"Modes of the 24 images: 24 {kind}; grey was repeated over 3 channels." in notes


def test_real_sources(real_data, tmp_path):
    listing = list_class_folders(
        real_data / "chest_xray", name="chest_xray", groups=CaseGroups(r"^([^_]+)_")
    )
    cohorts = load(listing, tmp_path, spatial_size=(224, 224))
    assert [len(cohort) for cohort in cohorts.values()] == [180, 16, 60] and cohorts[
        "train"
    ].provenance.facts == ()
    with Image.open(real_data / "chest_xray" / cohorts["test"].ids[7]) as image:
        assert np.array_equal(cohorts["test"].images[7, 0], np.asarray(image))
