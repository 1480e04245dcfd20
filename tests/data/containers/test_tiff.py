"""TIFF's fields one by one, honoured as tifffile reads them."""

from __future__ import annotations

import numpy as np
import pytest
from tiff_files import GREY, tiff

from medmonai.data import ImageForm, UnreadableImageError
from medmonai.data.files.reading import read_case
from medmonai.data.formats.pictures import open_picture, picture_header, read_picture

RNG = np.random.default_rng(0)
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


def test_bigtiff(tmp_path):
    path = tiff(tmp_path / "a.tif", GREY["u2"].tobytes(), (5, 7), bits=(16,), big=True)
    assert path.read_bytes()[2] == 43 and np.array_equal(read_picture(path)[0], GREY["u2"])


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
    # 1: gray was multiplied by alpha
    expected = np.rint(255.0 * values / opacity) if alpha == 1 else values
    assert np.abs(read_picture(path)[0] - expected).max() <= 1
