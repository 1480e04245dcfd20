"""A listing is loaded as cohorts: each case in its split, what cannot be read left out, volumes
with their places.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from loaded_listings import COUNTS, load
from PIL import Image
from source_files import write_ham10000

from medmonai.data import (
    CaseGroups,
    ImageFiles,
    ImageForm,
    LeftOut,
    TableColumns,
    list_class_folders,
    list_image_table,
    split_listing,
)
from medmonai.data.files.reading import read_case


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
        ValueError, match=r"set: 2 of 24 images cannot be read, .*holds NaN or infinite gray values"
    ):
        load(listing, tmp_path)
    cohorts = load(listing, tmp_path, skip_unreadable=True)
    assert [out.name for out in cohorts.listing.left_out] == sorted(listing.ids[[0, 20]])


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
            "their center; the smallest part that is left of one is 75%."
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
