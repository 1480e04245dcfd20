"""Damaged files of every format: an error that names the file, or pixels; the same pixels wherever
a checksum protects them.
"""

from __future__ import annotations

import random
import resource
import struct

import nibabel
import numpy as np
import pytest
from dicom_files import dataset, save
from PIL import Image

from medmonai.data import UnreadableImageError
from medmonai.data.containers.image_limit import IMAGE_LIMIT
from medmonai.data.files.headers import read_header
from medmonai.data.files.reading import read_image

GREY = (np.add.outer(np.arange(24), np.arange(20)) * 5).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)
VOLUME = np.random.default_rng(0).integers(-500, 500, (9, 8, 7)).astype(np.int16)
MUTATIONS = 60


def picture(array, **options):
    return lambda path: Image.fromarray(array).save(path, **options)


def nifti(kind):
    return lambda path: nibabel.save(kind(VOLUME, np.eye(4)), path)


def dicom(array, syntax=None, **tags):
    def write(path):
        pytest.importorskip("pydicom")
        found = dataset(array, Modality="OT", **tags)
        if syntax == "1.2.840.10008.1.2.5":
            found.compress(syntax)
        elif syntax:
            found.file_meta.TransferSyntaxUID = syntax
        save(found, path)

    return write


# Name, how it is written, whether every changed voxel must be noticed.
FILES = [
    ("grey.png", picture(GREY), True),
    ("colour.png", picture(COLOUR), True),
    ("deep.png", picture(GREY.astype(np.uint16) * 200), True),
    ("a.nii.gz", nifti(nibabel.Nifti1Image), True),
    ("b.nii.gz", nifti(nibabel.Nifti2Image), True),
    ("a.nii", nifti(nibabel.Nifti1Image), False),
    ("a.jpg", picture(COLOUR, quality=90), False),
    ("p.jpg", picture(GREY, progressive=True), False),
    ("a.tif", picture(COLOUR), False),
    ("f.tif", picture(GREY * np.float32(1)), False),
    *[
        (f"{name}.tif", picture(COLOUR, compression=name), False)
        for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    ],
    ("a.dcm", dicom(GREY.astype(np.uint16) * 16, PixelPaddingValue=0), False),
    ("colour.dcm", dicom(COLOUR), False),
    ("deflated.dcm", dicom(GREY, "1.2.840.10008.1.2.1.99"), False),
    ("rle.dcm", dicom(COLOUR, "1.2.840.10008.1.2.5"), False),
]


def damaged(raw, chance):
    """Flip a bit, put in other bytes or a large number, cut off or insert; near the start as often
    as elsewhere.
    """
    changed, kind = bytearray(raw), chance.randrange(5)
    at = chance.randrange(chance.choice([len(raw), min(len(raw), 1000)]))
    if kind == 0:
        changed[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        changed[at : at + 3] = chance.randbytes(3)
    elif kind == 2:
        changed[at : at + 4] = chance.choice(
            [b"\xff" * 4, bytes(4), b"\xff\x7f\xff\x7f", struct.pack(">I", 60000)]
        )
    elif kind == 3:
        del changed[at:]
    else:
        changed[at:at] = chance.randbytes(chance.randrange(1, 40))
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "write", "protected"), FILES, ids=[name for name, *_ in FILES])
def test_damage_is_an_error_that_names_the_file_or_gives_pixels(
    tmp_path, monkeypatch, name, write, protected
):
    monkeypatch.setenv(IMAGE_LIMIT, str(1 << 26))
    path, chance, size = (
        tmp_path / name,
        random.Random(name),
        (4, 4, 4) if ".nii" in name else (4, 4),
    )
    write(path)
    raw, sound = path.read_bytes(), read_image(path, size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(MUTATIONS):
        path.write_bytes(damaged(raw, chance))
        for read in (lambda: read_image(path, size), lambda: read_header(path)):
            try:
                found = read()
            except (UnreadableImageError, ImportError) as error:
                assert name in str(error) and "\n" not in str(error)
                continue
            assert not protected or isinstance(found, tuple) or np.array_equal(found, sound)
    # the limit, and what is made of it
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024
