"""TIFF's fields one by one: honoured as tifffile reads them, or refused by name."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from medmonai.data import ImageForm, UnreadableImageError
from medmonai.data.files.reading import read_case
from medmonai.data.formats.pictures import open_picture, picture_header, read_picture

RNG = np.random.default_rng(0)
SIZES = {3: 2, 4: 4}  # bytes of SHORT and LONG


def tiff(path, data, shape, *, order="<", bits=(8,), big=False, **tags):
    """Write a TIFF of one strip by hand: tags by number, as (type, values); uncompressed, black is
    zero if not said.
    """
    height, width = shape
    found = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, list(bits)),
        259: (3, [1]),
        262: (3, [1 if len(bits) < 3 else 2]),
        277: (3, [len(bits)]),
        278: (3, [height]),
        279: (4, [len(data)]),
        **{int(k[1:]): v for k, v in tags.items()},
    }
    found[273] = (4, [0])
    count, field, inline = ("Q", "Q", 8) if big else ("H", "I", 4)
    head = 16 if big else 8
    tables = (
        head
        + struct.calcsize("=" + count)
        + len(found) * (20 if big else 12)
        + struct.calcsize("=" + field)
    )
    extra, rows = b"", b""
    for tag in sorted(found):
        kind, values = found[tag]
        form = order + {1: "B", 2: "B", 3: "H", 4: "I", 11: "f"}[kind] * len(values)
        packed = struct.pack(form, *values)
        if tag == 273:
            rows += b"STRIP"
            continue
        if len(packed) > inline:
            packed, extra = struct.pack(order + field, tables + len(extra)), extra + packed
        rows += struct.pack(order + "HH" + field, tag, kind, len(values)) + packed.ljust(
            inline, b"\0"
        )
    strip = struct.pack(order + "HH" + field, 273, 4, 1) + struct.pack(
        order + "I", tables + len(extra)
    ).ljust(inline, b"\0")
    start = b"II" if order == "<" else b"MM"
    start += struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    path.write_bytes(
        start
        + struct.pack(order + count, len(found))
        + rows.replace(b"STRIP", strip)
        + struct.pack(order + field, 0)
        + extra
        + data
    )
    return path


GREY = {
    kind: RNG.integers(0 if kind[0] == "u" else -100, 120, (5, 7)).astype(kind)
    for kind in ("u1", "i1", "u2", "i2", "i4")
}
GREY |= {
    "u4": RNG.integers(0, 1 << 32, (5, 7)).astype("u4"),
    "f4": RNG.normal(size=(5, 7)).astype("f4"),
}
FORMATS = {"u": 1, "i": 2, "f": 3}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", GREY)
def test_widths_and_signs(tmp_path, order, kind):
    values = GREY[kind]
    path = tiff(
        tmp_path / "a.tif",
        values.astype(order + kind).tobytes(),
        values.shape,
        order=order,
        bits=(8 * values.itemsize,),
        t339=(3, [FORMATS[kind[0]]]),
    )
    if kind == "u4" and order == ">":
        with pytest.raises(UnreadableImageError, match="it is a TIFF of 32 bits, unsigned"):
            read_picture(path)
        return
    found = read_picture(path)
    np.testing.assert_allclose(found[0].astype(float), values.astype(float), rtol=1e-7)
    if kind != "u1":
        with pytest.raises(ValueError, match="not uint8; give intensity_range"):
            read_case(path, ImageForm((5, 7), in_channels=1))
    tifffile = pytest.importorskip("tifffile")
    np.testing.assert_array_equal(tifffile.imread(path), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", GREY)
def test_compressed_values_have_the_order_of_their_bytes(tmp_path, order, kind):
    tifffile = pytest.importorskip("tifffile")
    for predictor in (False, True) if kind != "f4" else (False,):
        path = tmp_path / "a.tif"
        tifffile.imwrite(
            path,
            GREY[kind],
            byteorder=order,
            compression="zlib",
            predictor=predictor,
            metadata=None,
        )
        if kind == "u4" and order == ">":
            continue
        np.testing.assert_allclose(
            read_picture(path)[0].astype(float), GREY[kind].astype(float), rtol=1e-7
        )


def test_signed_eight_bits_are_named(tmp_path):
    path = tiff(tmp_path / "a.tif", GREY["i1"].tobytes(), (5, 7), t339=(3, [2]))
    assert open_picture(path).kind.name == picture_header(path)[1].name == "signed 8 bits"
    image = read_case(path, ImageForm((5, 7), in_channels=1, intensity_range=(-128, 127))).image[0]
    assert np.abs(image - (GREY["i1"].astype(int) + 128)).max() <= 1
    turned = tiff(tmp_path / "b.tif", GREY["i1"].tobytes(), (5, 7), t339=(3, [2]), t274=(3, [6]))
    assert np.array_equal(read_picture(turned)[0], np.rot90(GREY["i1"], -1))


@pytest.mark.parametrize(
    ("kind", "bits", "pack"),
    [
        ("u1", 1, lambda v: np.packbits(v > 60, axis=1)),
        ("u1", 8, None),
        ("u2", 16, None),
    ],
)
def test_white_is_zero(tmp_path, kind, bits, pack):
    values = GREY[kind]
    path = tiff(
        tmp_path / "a.tif",
        (pack(values) if pack else values).tobytes(),
        values.shape,
        bits=(bits,),
        t262=(3, [0]),
    )
    expected = 255 * (values <= 60) if bits == 1 else (1 << bits) - 1 - values.astype(int)
    assert np.array_equal(read_picture(path)[0], expected)


@pytest.mark.parametrize(("bits", "levels"), [(2, 85), (4, 17)])
def test_narrow_values_fill_eight_bits(tmp_path, bits, levels):
    values = RNG.integers(0, 1 << bits, (4, 8)).astype(np.uint8)
    each = 8 // bits
    packed = sum(values[:, i::each] << (8 - bits * (i + 1)) for i in range(each)).astype(np.uint8)
    assert np.array_equal(
        read_picture(tiff(tmp_path / "a.tif", packed.tobytes(), (4, 8), bits=(bits,)))[0],
        values * levels,
    )


def test_twelve_bits(tmp_path):
    values = RNG.integers(0, 4096, (4, 8))
    packed = b"".join(int(a << 12 | b).to_bytes(3, "big") for a, b in values.reshape(-1, 2))
    assert np.array_equal(
        read_picture(tiff(tmp_path / "a.tif", packed, (4, 8), bits=(12,)))[0], values
    )


def test_fill_order(tmp_path):
    values = GREY["u1"]
    turned = np.packbits(np.unpackbits(values[..., None], axis=-1)[..., ::-1], axis=-1)[..., 0]
    assert np.array_equal(
        read_picture(tiff(tmp_path / "a.tif", turned.tobytes(), (5, 7), t266=(3, [2])))[0], values
    )


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("samples", [3, 4])
def test_planes(tmp_path, planar, samples):
    values = RNG.integers(0, 256, (samples, 5, 7), dtype=np.uint8)
    more = {"t338": (3, [2])} if samples == 4 else {}
    if planar == 1:
        path = tiff(
            tmp_path / "a.tif",
            np.moveaxis(values, 0, -1).tobytes(),
            (5, 7),
            bits=(8,) * samples,
            **more,
        )
    else:
        tifffile = pytest.importorskip("tifffile")
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, values, photometric="rgb", planarconfig="separate", metadata=None)
    assert np.array_equal(read_picture(path), values[:3])


@pytest.mark.parametrize("samples", [3, 4])
def test_deep_planes_are_refused(tmp_path, samples):
    tifffile = pytest.importorskip("tifffile")
    values = RNG.integers(0, 65536, (samples, 5, 7), dtype=np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="rgb", planarconfig="separate", metadata=None
    )
    for read in (read_picture, picture_header):
        with pytest.raises(
            UnreadableImageError, match=r"colours of 16 bits lie in planes .*PlanarConfiguration 2"
        ):
            read(tmp_path / "a.tif")


def test_lab_is_refused(tmp_path):
    Image.new("LAB", (5, 7)).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableImageError, match=r"its colours are CIE L\*a\*b\*"):
        read_picture(tmp_path / "a.tif")


def test_bigtiff(tmp_path):
    path = tiff(tmp_path / "a.tif", GREY["u2"].tobytes(), (5, 7), bits=(16,), big=True)
    assert path.read_bytes()[2] == 43 and np.array_equal(read_picture(path)[0], GREY["u2"])


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


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("scale", [1, 257])
def test_palettes_of_eight_bits_under_sixteen(tmp_path, order, scale):
    index, palette = RNG.integers(0, 256, (5, 7), dtype=np.uint8), RNG.integers(0, 256, (3, 256))
    path = tiff(
        tmp_path / "a.tif",
        index.tobytes(),
        (5, 7),
        order=order,
        t262=(3, [3]),
        t320=(3, (scale * palette).ravel().tolist()),
    )
    assert np.array_equal(read_picture(path), palette[:, index])


@pytest.mark.parametrize("alpha", [1, 2])
def test_grey_beside_alpha(tmp_path, alpha):
    opacity, values = (
        np.array([[255, 128, 64]] * 2, np.uint8),
        np.array([[200, 100, 30]] * 2, np.uint8),
    )
    path = tiff(
        tmp_path / "a.tif",
        np.stack([values, opacity], axis=-1).tobytes(),
        (2, 3),
        bits=(8, 8),
        t338=(3, [alpha]),
    )
    # 1: grey was multiplied by alpha
    expected = np.rint(255.0 * values / opacity) if alpha == 1 else values
    assert np.abs(read_picture(path)[0] - expected).max() <= 1


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
