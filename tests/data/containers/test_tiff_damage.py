"""TIFFs that are refused by name: fields that are not read, missing decoders, damaged pixels,
missing strips, several pictures.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image
from tiff_files import GREY, tiff

from medmonai.data import UnreadableImageError
from medmonai.data.formats.pictures import picture_header, read_picture

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("samples", [3, 4])
def test_deep_planes_are_refused(tmp_path, samples):
    tifffile = pytest.importorskip("tifffile")
    values = RNG.integers(0, 65536, (samples, 5, 7), dtype=np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="rgb", planarconfig="separate", metadata=None
    )
    for read in (read_picture, picture_header):
        with pytest.raises(
            UnreadableImageError, match=r"colors of 16 bits lie in planes .*PlanarConfiguration 2"
        ):
            read(tmp_path / "a.tif")


def test_lab_is_refused(tmp_path):
    Image.new("LAB", (5, 7)).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableImageError, match=r"its colors are CIE L\*a\*b\*"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("kind", "tags", "said"),
    [
        ("f8", {"t339": (3, [3])}, "it is a TIFF of 64 bits, float"),
        ("f2", {"t339": (3, [3])}, "16 bits, float"),
        ("u8", {}, "64 bits, unsigned"),
        ("c8", {"t339": (3, [6])}, "64 bits, complex"),
        ("i2", {"t339": (3, [4])}, "16 bits, undefined"),
        ("f4", {"t339": (3, [3]), "t262": (3, [0])}, "its float values say that 0 is white"),
        ("i2", {"t339": (3, [2]), "t262": (3, [0])}, "."),
        ("u1", {"t258": (3, [7])}, "it is a TIFF of 7 bits"),
    ],
)
def test_what_is_refused(tmp_path, kind, tags, said):
    values = RNG.integers(0, 100, (5, 7)).astype(kind)
    path = tiff(tmp_path / "a.tif", values.tobytes(), (5, 7), bits=(8 * values.itemsize,), **tags)
    for read in (read_picture, picture_header):
        with pytest.raises(UnreadableImageError, match=f"a.tif .*cannot be read: .*{said}"):
            read(path)


@pytest.mark.parametrize(
    ("compression", "name"), [(34887, "LERC"), (50002, "JPEG XL"), (34712, "JPEG 2000")]
)
def test_a_compression_without_decoder_is_no_damage(tmp_path, compression, name):
    path = tiff(tmp_path / "a.tif", GREY["u1"].tobytes(), (5, 7), t259=(3, [compression]))
    with pytest.raises(
        ImportError, match=f"a.tif is a TIFF compressed by {name}.*pip install tifffile imagecodecs"
    ):
        read_picture(path)


@pytest.mark.parametrize(
    "compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma", "webp"]
)
def test_compressions_that_this_pillow_may_have(tmp_path, compression):
    image = Image.fromarray(RNG.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    try:
        image.save(tmp_path / "a.tif", compression=compression)
    except OSError:
        code = {"zstd": 50000, "lzma": 34925, "webp": 50001}[compression]
        path = tiff(tmp_path / "b.tif", GREY["u1"].tobytes(), (5, 7), t259=(3, [code]))
        with pytest.raises(ImportError, match=f"compressed by {compression}"):
            read_picture(path)
        return
    if compression not in ("jpeg", "webp"):
        assert np.array_equal(
            read_picture(tmp_path / "a.tif"), np.moveaxis(np.asarray(image), -1, 0)
        )
    raw = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(UnreadableImageError):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("tiles", [{}, {"tile": (16, 16)}])
def test_every_flipped_bit_of_deflated_pixels_is_noticed(tmp_path, tiles):
    values, path = np.add.outer(np.arange(32), np.arange(20)).astype(np.uint8), tmp_path / "a.tif"
    if tiles:
        pytest.importorskip("tifffile").imwrite(
            path, values, compression="zlib", metadata=None, **tiles
        )
    else:
        Image.fromarray(values).save(path, compression="tiff_adobe_deflate")
    assert np.array_equal(read_picture(path)[0], values)
    tags, raw = Image.open(path).tag_v2, path.read_bytes()
    start, length = (tags[number][0] for number in ((324, 325) if tiles else (273, 279)))
    for at in range(8 * start, 8 * (start + length)):
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        try:
            # three bits of zlib's header say how hard it tried
            assert np.array_equal(read_picture(path)[0], values)
        except UnreadableImageError:
            continue


def test_tiles_larger_than_the_limit(tmp_path):
    path = tiff(
        tmp_path / "a.tif", GREY["u1"].tobytes(), (5, 7), t322=(4, [60000]), t323=(4, [60000])
    )
    with pytest.raises(UnreadableImageError, match="60000 x 60000 pixels in a tile"):
        read_picture(path)


def strips(path, held, *, rows=2, planar=False):
    """A grey or planar RGB TIFF of 5 x 7 pixels that says where `held` of its strips lie."""
    planes = 3 if planar else 1
    values = RNG.integers(1, 256, (planes, 5, 7), dtype=np.uint8)
    more = {"t284": (3, [2]), "t262": (3, [2])} if planar else {}
    tiff(
        path,
        values.tobytes(),
        (5, 7),
        bits=(8,) * planes,
        t278=(3, [rows]),
        t279=(4, [7] * held),
        **more,
    )
    tags = Image.open(path).tag_v2
    start, parts = (
        tags[273][0],
        [(plane, row) for plane in range(planes) for row in range(0, 5, rows)][:held],
    )
    offsets = [start + 35 * plane + 7 * row for plane, row in parts] + [start] * (held - len(parts))
    raw = path.read_bytes()
    at = raw.find(struct.pack("<HHI", 273, 4, 1))
    path.write_bytes(
        raw[: at + 4]
        + struct.pack("<II", held, len(raw))
        + raw[at + 12 :]
        + struct.pack(f"<{held}I", *offsets)
    )
    return values


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_strips_that_are_missing_are_no_black_rows(tmp_path, rows, planar):
    whole = -(-5 // rows) * (3 if planar else 1)
    values = strips(tmp_path / "a.tif", whole, rows=rows, planar=planar)
    assert np.array_equal(read_picture(tmp_path / "a.tif"), values)
    for held in {*range(2, whole), whole if planar else whole + 2} - {whole}:
        strips(tmp_path / "a.tif", held, rows=rows, planar=planar)
        with pytest.raises(
            UnreadableImageError,
            match=f"it holds {held} strips or tiles .* its size asks for {whole}",
        ):
            read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("tags", "pictures"),
    [
        ({"t32997": (4, [3])}, 3),
        ({"t270": (2, [*b"ImageJ=1.54f\nimages=3\nslices=3\n\0"])}, 3),
        ({"t270": (2, [*b'{"shape": [3, 5, 7]}\0'])}, 3),
        ({"t270": (2, [*b'{"shape": [5, 7]}\0'])}, 1),
        # not so many bytes: one slice, with the description of its stack
        ({"t270": (2, [*b"ImageJ=1.54f\nimages=4\n\0"])}, 1),
        ({"t270": (2, [*b"a patient\nimages=3\n\0"])}, 1),
        ({}, 1),
    ],
)
def test_pictures_behind_the_first_without_tags_of_their_own(tmp_path, tags, pictures):
    values = RNG.integers(0, 256, (3, 5, 7), dtype=np.uint8)
    path = tiff(tmp_path / "a.tif", values.tobytes(), (5, 7), **tags)
    if pictures == 1:
        assert np.array_equal(read_picture(path)[0], values[0])
        return
    for read in (read_picture, picture_header):
        with pytest.raises(
            UnreadableImageError,
            match=f"it holds {pictures} pictures, and files with one picture are read",
        ):
            read(path)


@pytest.mark.parametrize("imagej", [False, True])
def test_stacks_as_tifffile_writes_them(tmp_path, imagej):
    tifffile = pytest.importorskip("tifffile")
    more = {"imagej": True} if imagej else {"truncate": True, "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", RNG.integers(0, 256, (4, 5, 7), dtype=np.uint8), **more)
    with pytest.raises(UnreadableImageError, match="it holds 4 pictures"):
        read_picture(tmp_path / "a.tif")
