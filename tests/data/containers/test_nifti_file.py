"""NIfTI files field by field: honoured or refused, verified to the end of the stream, bounded
before they are decoded.
"""

from __future__ import annotations

import gzip
import struct
import zlib

import nibabel
import numpy as np
import pytest
from bounded_memory import most_memory

from medmonai.data import ImageForm, UnreadableImageError, load_images
from medmonai.data.containers.image_limit import IMAGE_LIMIT
from medmonai.data.files.reading import read_case, read_image
from medmonai.data.formats.nifti import TWO_ORIENTATIONS, nifti_header, read_nifti

VALUES = np.random.default_rng(0).integers(-500, 500, (7, 6, 5)).astype(np.int16)
# Offsets of NIfTI-1's fields, as nifti1.h has them.
FIELDS = {
    "dim": (40, "8h"),
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    "pixdim": (76, "8f"),
    "vox_offset": (108, "f"),
    "scl": (112, "2f"),
    "units": (123, "B"),
    "codes": (252, "2h"),
    "srow_x": (280, "4f"),
    "magic": (344, "4s"),
}


def content(values=VALUES, *, order="<", behind=b"", **fields):
    """Return the bytes of a NIfTI-1 file that no library wrote: an identity sform and what else the
    fields say.
    """
    header = bytearray(348)
    types = {
        "u1": 2,
        "i2": 4,
        "i4": 8,
        "f4": 16,
        "f8": 64,
        "i1": 256,
        "u2": 512,
        "u4": 768,
        "i8": 1024,
        "u8": 1280,
    }
    shape = (*values.shape, *[1] * (7 - values.ndim))
    stated = {
        "dim": (values.ndim, *shape),
        "datatype": types.get(values.dtype.str[1:], 0),
        "bitpix": 8 * values.itemsize,
        "pixdim": (1,) * 8,
        "vox_offset": 352,
        "scl": (0, 0),
        "units": 2,
        "codes": (0, 1),
        "srow_x": (1, 0, 0, 0),
        "magic": b"n+1\0",
        **fields,
    }
    struct.pack_into(order + "i", header, 0, 348)
    for name, value in stated.items():
        at, form = FIELDS[name]
        struct.pack_into(
            order + form, header, at, *(value if isinstance(value, tuple) else (value,))
        )
    struct.pack_into(order + "4f4f", header, 296, 0, 1, 0, 0, 0, 0, 1, 0)
    gap = bytes(max(0, int(np.nan_to_num(stated["vox_offset"])) - 348))
    return (
        bytes(header)
        + gap
        + values.astype(values.dtype.newbyteorder(order)).tobytes(order="F")
        + behind
    )


def written(path, *arguments, **fields):
    found = content(*arguments, **fields)
    path.write_bytes(gzip.compress(found, 6, mtime=0) if path.suffix == ".gz" else found)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("values", "fields", "expected"),
    [
        (VALUES, {}, VALUES),
        (VALUES, {"order": ">"}, VALUES),
        (VALUES, {"vox_offset": 1024}, VALUES),
        *[
            (VALUES.astype(kind), {}, VALUES.astype(kind))
            for kind in ("i1", "u1", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
        ],
        (VALUES, {"scl": (2, -3)}, VALUES * 2.0 - 3),
        (VALUES, {"scl": (0, 9)}, VALUES),
        (VALUES, {"scl": (np.nan, 0)}, VALUES),
        (VALUES, {"dim": (5, 7, 6, 5, 1, 1, 1, 1)}, VALUES),
        (VALUES, {"pixdim": (-1,) + (1,) * 7}, VALUES),
        (VALUES, {"behind": bytes(512)}, VALUES),
    ],
)
def test_fields_that_are_honoured(tmp_path, suffix, values, fields, expected):
    found = read_nifti(written(tmp_path / f"a{suffix}", values, **fields))
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-6)
    assert found.values.dtype.isnative and found.affine.tolist() == np.eye(4).tolist()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"bitpix": 8}, "datatype is 4 and bitpix 8"),
        ({"datatype": 512, "bitpix": 32}, "datatype is 512 and bitpix 32"),
        ({"datatype": 1, "bitpix": 1}, "data code 1 not supported|its voxels are"),
        ({"values": VALUES.astype("c8"), "datatype": 32}, "complex64"),
        ({"datatype": 1536, "bitpix": 128}, "1536|its voxels are|float128"),
        ({"datatype": 77, "bitpix": 0}, "77"),
        ({"datatype": 256, "bitpix": 8}, "more than the 562 bytes that its header asks for"),
        ({"dim": (3, 7, 6, 4, 1, 1, 1, 1)}, "more than the 688 bytes"),
        ({"dim": (3, 7, 6, -5, 1, 1, 1, 1)}, "dim is"),
        ({"dim": (3, 7, 6, 0, 1, 1, 1, 1)}, "dim is"),
        ({"dim": (9, 7, 6, 5, 1, 1, 1, 1)}, "a|dim is"),
        ({"vox_offset": 100}, "vox_offset is 100"),
        ({"vox_offset": 352.5}, "vox_offset is 352.5"),
        ({"vox_offset": np.nan}, "vox_offset is nan"),
        ({"scl": (np.inf, 0)}, "scl_slope is inf"),
        ({"scl": (2, np.nan)}, "inter"),
        ({"units": 7}, "unit of space 7"),
        ({"magic": b"ni1\0"}, r"second file \(.img\)"),
        ({"srow_x": (1e-300, 0, 0, 0)}, "inverted|direction"),
        ({"magic": bytes(4)}, "Analyze"),
        ({"srow_x": (np.nan, 0, 0, 0)}, "no size or direction"),
        ({"behind": b"garbage"}, "more than the 772"),
        ({"behind": bytes(1 << 17)}, "more than the 772 bytes"),
    ],
)
def test_fields_that_are_refused(tmp_path, suffix, fields, said):
    with pytest.raises(UnreadableImageError, match=rf"a{suffix} .*({said})"):
        read_nifti(written(tmp_path / f"a{suffix}", **fields))


def test_data_shorter_than_the_header_says(tmp_path):
    for dims in ((3, 7, 6, 50, 1, 1, 1, 1), (3, 700, 600, 500, 1, 1, 1, 1)):
        for suffix in (".nii", ".nii.gz"):
            path = written(tmp_path / f"a{suffix}", dim=dims)
            with pytest.raises(
                UnreadableImageError, match=r"its header asks for|Expected \d+ bytes, got"
            ):
                read_nifti(path)
    with pytest.raises(
        UnreadableImageError,
        match="its header asks for 420000352 bytes and the file could hold at most",
    ):
        nifti_header(path)


@pytest.mark.parametrize(
    "read",
    [
        read_nifti,
        lambda path: read_image(path, (7, 6, 5)),
        lambda path: read_case(
            path, ImageForm((4, 4, 4), in_channels=1, intensity_range=(-500, 500))
        ),
        lambda path: load_images(
            path, ImageForm((4, 4, 4), in_channels=1, intensity_range=(-500, 500))
        ),
    ],
)
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda raw: raw[:-8] + bytes([raw[-8] ^ 1]) + raw[-7:], "CRC check failed"),
        (
            lambda raw: raw[:-4] + bytes([raw[-4] ^ 1]) + raw[-3:],
            "Incorrect length of data produced",
        ),
        (lambda raw: raw[:-8], "ended before the end-of-stream marker"),
        (lambda raw: raw[:-1], "end-of-stream"),
        (lambda raw: raw[: len(raw) // 2], "end-of-stream"),
        (lambda raw: raw + b"garbage", "Not a gzipped file"),
    ],
)
def test_the_stream_is_verified_to_its_end(tmp_path, read, damage, said):
    path = written(tmp_path / "a.nii.gz")
    read(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"a.nii.gz .*{said}"):
        read(path)


def test_a_flat_nifti_is_verified_too(tmp_path):
    path = written(tmp_path / "a.nii.gz", VALUES[:, :, :1])
    assert read_image(path, (7, 6)).shape == (1, 7, 6)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UnreadableImageError, match="end-of-stream"):
        read_image(path, (7, 6))


def test_flipped_bits_never_change_a_voxel_silently(tmp_path):
    path, rng = written(tmp_path / "a.nii.gz"), np.random.default_rng(0)
    raw = path.read_bytes()
    for at in rng.choice(8 * len(raw), 300, replace=False):
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        try:
            found = read_nifti(path).values[0]
        except UnreadableImageError:
            continue
        # gzip's own header: time, flags, system
        assert at // 8 < 10 and np.array_equal(found, VALUES)


def test_two_members_are_one_stream(tmp_path):
    raw = content()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(raw[:400]) + gzip.compress(raw[400:]))
    assert np.array_equal(read_nifti(tmp_path / "a.nii.gz").values[0], VALUES)


def test_qform_and_sform_that_disagree(tmp_path):
    image = nibabel.Nifti1Image(VALUES, np.eye(4))
    image.set_qform(np.diag([-1, 1, 1, 1]), code=1)
    image.set_sform(np.eye(4), code=1)
    nibabel.save(image, tmp_path / "a.nii")
    found = read_nifti(tmp_path / "a.nii")
    assert found.remarks == (TWO_ORIENTATIONS,) and found.affine[0, 0] == 1


def test_one_limit_that_can_be_raised(tmp_path, monkeypatch):
    path = written(tmp_path / "a.nii.gz")
    monkeypatch.setenv(IMAGE_LIMIT, "400")
    for read in (read_nifti, nifti_header):
        with pytest.raises(
            UnreadableImageError, match=f"take 420 bytes, and at most 400 are read; .*{IMAGE_LIMIT}"
        ):
            read(path)
    monkeypatch.setenv(IMAGE_LIMIT, "420")
    assert np.array_equal(read_nifti(path).values[0], VALUES)
    monkeypatch.setenv(IMAGE_LIMIT, "1 GB")
    with pytest.raises(
        ValueError, match="MEDMONAI_IMAGE_LIMIT='1 GB'; a positive number of bytes is needed"
    ):
        read_nifti(path)


def test_memory_is_bounded_before_anything_is_decoded(tmp_path):
    header = content(dim=(3, 1023, 1023, 512, 1, 1, 1, 1), behind=b"")[:352]
    claim = tmp_path / "claim.nii.gz"  # a file of a few bytes that claims a gigabyte
    claim.write_bytes(gzip.compress(header))
    bomb, packer = tmp_path / "bomb.nii.gz", zlib.compressobj(9, wbits=31)
    with bomb.open("wb") as file:  # sound voxels and 200 MB of zeros behind them
        file.write(packer.compress(content()))
        for _ in range(200):
            file.write(packer.compress(bytes(1 << 20)))
        file.write(packer.flush())
    code = (
        "from pathlib import Path; from medmonai.data.formats.nifti import read_nifti; import "
        "nibabel\n"
        "for name in ('claim', 'bomb'):\n"
        f"    try: read_nifti(Path({str(tmp_path)!r}) / (name + '.nii.gz'))\n"
        "    except ValueError: pass\n    else: raise SystemExit(name)"
    )
    assert most_memory("import nibabel, medmonai.data.formats.nifti", code) < 20
