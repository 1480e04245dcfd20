from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
from source_files import smooth_picture, write_picture

from medmonai.data import ImageForm
from medmonai.data.containers.pixel_kind import PixelKind, by_name
from medmonai.data.decoding import decode_pool
from medmonai.data.decoding.decode_pool import DecodeRecord, check_jobs, decode_files
from medmonai.data.files.reading import DecodedCase, read_case

FORM = ImageForm((16, 12), in_channels=3)


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i:03d}.png" for i in range(75)]
    for i, path in enumerate(paths):
        write_picture(path, smooth_picture(rng, 20 + i % 2, 24, 3 if i % 5 else 1))
    return paths


@pytest.mark.parametrize("jobs", [1, 2, 7, None])
def test_blocks_are_in_the_order_of_the_files(files, jobs):
    record = DecodeRecord()
    found = np.concatenate(
        list(decode_files(files, [p.name for p in files], FORM, record=record, jobs=jobs))
    )
    assert np.array_equal(found, np.stack([read_case(path, FORM).image for path in files]))
    assert by_name(record.kinds) == {"RGB": 60, "L": 15} and record.sizes == {
        "20 x 24": 38,
        "21 x 24": 37,
    }
    assert record.unreadable == {} and record.places == [] and record.turned == 0


def test_unreadable_files_go_to_the_record(files):
    files[3].write_bytes(b"")
    files[70].write_bytes(files[70].read_bytes()[:100])
    record = DecodeRecord()
    ids = [f"id{i}" for i in range(len(files))]
    found = np.concatenate(list(decode_files(files, ids, FORM, record=record, jobs=2)))
    assert len(found) == 73 and set(record.unreadable) == {"id3", "id70"}
    assert record.unreadable["id3"].startswith(
        "003.png (0 bytes) cannot be read: the file is empty"
    )


def test_what_was_cut_or_left_open_is_counted():
    image, record = np.zeros((1, 4, 4, 4), np.uint8), DecodeRecord()
    for inside, remarks in (
        (1.0, ()),
        (0.9995, ("state no b",)),
        (0.25, ("state no b", "state no a")),
        (0.5, ()),
    ):
        record.add(
            DecodedCase(
                image, size=(4, 4, 4), kind=PixelKind("NIfTI"), remarks=remarks, inside=inside
            )
        )
    assert record.warnings() == [
        "2 of 4 volumes are larger than spatial_size at this spacing and were cropped around their "
        "center; the smallest part that is left of one is 25%.",
        "1 of 4 images state no a.",
        "2 of 4 images state no b.",
    ]
    assert DecodeRecord.from_dict(json.loads(json.dumps(record.as_dict()))) == record
    assert DecodeRecord(kinds={PixelKind("L"): 1}).warnings() == []


def test_what_no_file_is_to_blame_for_stops_everything(files):
    with pytest.raises(ValueError, match=r"^case 0: 000.png is a 2D image") as raised:
        list(
            decode_files(
                files,
                [f"case {i}" for i in range(75)],
                ImageForm((8, 8, 8), in_channels=1),
                record=DecodeRecord(),
            )
        )
    assert "\n" not in str(raised.value)
    files[40].unlink()
    with pytest.raises(FileNotFoundError):
        list(decode_files(files, [p.name for p in files], FORM, record=DecodeRecord(), jobs=2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_only_a_few_blocks_wait_for_the_writer(files, monkeypatch):
    monkeypatch.setattr(decode_pool, "_CHUNK_FILES", 5)
    begun = []
    monkeypatch.setattr(
        decode_pool,
        "_decode",
        lambda files, ids, form: begun.append(1) or [read_case(f, form) for f in files],
    )
    blocks = decode_files(files, [p.name for p in files], FORM, record=DecodeRecord(), jobs=1)
    next(blocks)
    time.sleep(0.5)  # all would be done by now
    assert len(begun) <= 4  # of 15
    blocks.close()
    assert len(begun) <= 5


def test_jobs():
    assert check_jobs(None) >= 1 and check_jobs(3) == 3
    for wrong in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="jobs="):
            check_jobs(wrong)
