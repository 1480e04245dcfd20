"""Pictures are read as they were saved: modes, orientation, deep values, one page; damaged files
raise one error.
"""

from __future__ import annotations

import itertools
import os
import struct
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_files import noise, raw_png, saved
from PIL import Image
from source_files import smooth_picture

from medmonai.data import ImageForm, UnreadableImageError, load_images, read_picture
from medmonai.data.containers.pixel_kind import PixelKind
from medmonai.data.files.reading import UPPER_HALF, read_case
from medmonai.data.formats.pictures import open_picture, picture_header


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_lossless_files_come_back(tmp_path, suffix, shape):
    array = noise(*shape)
    found = read_picture(saved(tmp_path / f"a.{suffix}", array))
    assert found.dtype == np.uint8
    assert np.array_equal(found, array[None] if len(shape) == 2 else np.moveaxis(array, -1, 0))


@pytest.mark.parametrize(
    ("mode", "expected", "said"),
    [
        ("1", [[0, 255]], "1 bit"),
        ("LA", [[10, 200]], "LA"),
        ("RGBA", [[10, 200]] * 3, "RGBA"),
        ("P", [[10, 200]] * 3, "palette"),
    ],
)
def test_modes(tmp_path, mode, expected, said):
    image = Image.fromarray(np.array([[10, 200]], np.uint8)).convert(mode)
    if "A" in mode:
        image.putalpha(Image.fromarray(np.array([[0, 128]], np.uint8)))  # dropped, whatever it says
    path = saved(tmp_path / "a.png", image)
    assert read_picture(path).tolist() == [[row] for row in expected]
    assert open_picture(path).kind.name == said and not open_picture(path).turned


def test_palette_is_colour_and_not_numbers(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    assert read_picture(saved(tmp_path / "a.png", image))[:, 0].T.tolist() == [
        [255, 0, 0],
        [0, 0, 255],
    ]


def test_cmyk(tmp_path):
    image = Image.fromarray(np.zeros((8, 8, 4), np.uint8), "CMYK")  # no ink: white
    path = saved(tmp_path / "a.jpg", image, quality=100)
    assert (read_picture(path) > 250).all() and open_picture(path).kind.name == "CMYK"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    upright = np.zeros((8, 16), np.uint8)
    upright[:4, :8] = 200  # top left is bright
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"a.{suffix}", np.ascontiguousarray(stored), exif=exif)
    found = open_picture(path)
    array = read_picture(path)[0]
    assert array.shape == (8, 16) and array[:3, :7].mean() > 190 and array[5:].mean() < 10
    assert found.turned == (orientation != 1)


def test_sixteen_bits(tmp_path):
    values = np.array([[0, 1000], [30000, 65535]], np.uint16)
    for suffix in ("png", "tif"):
        path = saved(tmp_path / f"a.{suffix}", values)
        assert (
            np.array_equal(read_picture(path)[0], values)
            and open_picture(path).kind.name == "16 bits"
        )
        with pytest.raises(
            ValueError,
            match=rf"a.{suffix} has u?int\d\d gray values from 0 to 65535, not uint8; give inten",
        ):
            read_case(path, ImageForm((2, 2), in_channels=1))
        form = ImageForm((2, 2), in_channels=1, intensity_range=(0, 60000))
        assert read_case(path, form).image[0].tolist() == [[0, 4], [128, 255]]
    path = saved(tmp_path / "f.tif", values.astype(np.float32) / 65535)
    assert open_picture(path).kind.name == "float"


def test_sixteen_bits_in_colour_keep_the_upper_eight(tmp_path):
    path = raw_png(
        tmp_path / "a.png", 1, 1, 16, 2, b"\0" + struct.pack(">HHH", 0x12FF, 0x8001, 0xFF00)
    )
    assert read_picture(path)[:, 0, 0].tolist() == [0x12, 0x80, 0xFF]
    assert open_picture(path).kind == picture_header(path)[1]
    assert open_picture(path).kind == PixelKind(
        "RGB of 16 bits", colour=True, bits=16, upper_half=True
    )
    assert not open_picture(saved(tmp_path / "b.png", noise(3, 3, 3))).kind.upper_half


@pytest.mark.parametrize("colours", [2, 4])
def test_sixteen_bits_in_colour_go_through_the_range_of_sixteen(tmp_path, colours, caplog):
    values = np.full((6, 5, 3 if colours == 2 else 2), 0x8012, ">u2")
    values[2:4] = 0xFFFF
    path = raw_png(
        tmp_path / "a.png", 5, 6, 16, colours, b"".join(b"\0" + row.tobytes() for row in values)
    )
    for window, grey in (((0, 65535), 128), ((0x8000, 0xFFFF), 1), (None, 128)):
        case = read_case(path, ImageForm((6, 5), in_channels=1, intensity_range=window))
        assert (
            abs(int(case.image[0, 0, 0]) - grey) <= 1
            and case.image[0, 3, 0] == 255
            and case.remarks == (UPPER_HALF,)
        )
        load_images(path, ImageForm((6, 5), in_channels=1, intensity_range=window))
        assert (
            "1 of 1 images have 16 bits in color or beside alpha, of which the upper 8 are kept."
            in caplog.text
        )


def test_several_pages(tmp_path):
    pages = [Image.fromarray(noise(8, 8)) for _ in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "a.png", save_all=True, append_images=pages[1:])
    for name, read in itertools.product(("a.tif", "a.png"), (read_picture, picture_header)):
        said = (
            rf"{name} \(\d+ bytes\) cannot be read: it holds 3 pictures, and files with one picture"
        )
        with pytest.raises(UnreadableImageError, match=said):
            read(tmp_path / name)
    pages[0].save(
        tmp_path / "phone.jpg", format="MPO", save_all=True, append_images=pages[1:], quality=95
    )
    assert Image.open(tmp_path / "phone.jpg").n_frames == 3  # it really is one of a camera's
    assert (
        np.abs(read_picture(tmp_path / "phone.jpg")[0].astype(int) - np.array(pages[0])).mean() < 8
    )


def test_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    # Pillow's own limit follows, so it neither warns nor raises before
    for side in (32769, 65_000):
        path = raw_png(tmp_path / "bomb.png", side, side, 8, 0, b"")
        for read in (read_picture, picture_header):
            with pytest.raises(
                UnreadableImageError,
                match=r"bomb.png .*1073741824 (bytes|are).*MEDMONAI_IMAGE_LIMIT",
            ):
                read(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"", "the file is empty"),
        ("a.jpg", b"", "the file is empty"),
        ("a.tif", b"", "the file is empty"),
        ("a.png", b"<html>404</html>", "it is no PNG, JPEG or TIFF file"),
        ("a.tif", b"II*\0", "."),
        ("a.jpg", b"\xff\xd8\xff", "."),
    ],
)
def test_no_pictures(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        UnreadableImageError, match=rf"^{name} \({len(content)} bytes\) cannot be read: {reason}"
    ) as raised:
        read_picture(tmp_path / name)
    assert "\n" not in str(raised.value) and str(tmp_path) not in str(raised.value)


def test_the_content_decides_and_not_the_name(tmp_path):
    array = noise(6, 6)
    saved(tmp_path / "a.png", array)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(read_picture(tmp_path / "a.jpg")[0], array)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_raise_one_error_or_give_a_picture(tmp_path, suffix, data):
    options = {"compression": "tiff_lzw"} if suffix == "tif" else {}
    picture = smooth_picture(np.random.default_rng(1), 24, 32, 3)
    content = bytearray(saved(tmp_path / f"a.{suffix}", picture, **options).read_bytes())
    content = content[: data.draw(st.integers(0, len(content)))]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"b.{suffix}"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's on damaged tags
        try:
            assert read_picture(path).ndim == 3
        except UnreadableImageError as error:
            assert str(error).startswith(f"b.{suffix}") and "\n" not in str(error)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_every_file_cut_short_is_named(tmp_path, suffix):
    path = saved(tmp_path / f"a.{suffix}", noise(64, 64))
    content = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(UnreadableImageError, match=rf"a.{suffix} \(\d+ bytes\) cannot be read"):
            read_picture(path)


def test_the_disk_is_not_the_files_fault(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "absent.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(IsADirectoryError):
        read_picture(tmp_path / "folder.png")


def test_deep_pictures_are_resized_without_rounding_first(tmp_path):
    ramp = np.tile(np.arange(0, 4096, 16, dtype=np.uint16), (64, 1))
    form = ImageForm((16, 16), in_channels=1, intensity_range=(0, 4080))
    found = read_case(saved(tmp_path / "a.png", ramp), form).image[0]
    expected = (np.arange(16) * 16 + 7.5) * 16 / 4080 * 255
    assert np.abs(found[8, 2:-2] - expected[2:-2]).max() <= 0.51


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scaling", [False, True])
def test_training_and_inference_see_the_same_pixels(tmp_path, suffix, channels, scaling):
    from source_files import write_class_folders

    from medmonai.data import list_class_folders, load_listing

    root = write_class_folders(
        tmp_path / "set",
        {"train": {"A": 2, "B": 2}, "val": {"A": 1, "B": 1}, "test": {"A": 1, "B": 1}},
        size=(150, 137),
        channels=3,
        suffix=f".{suffix}",
    )
    options = {
        "spatial_size": (24, 30),
        "in_channels": channels,
        "aspect": "crop",
        "jpeg_scaling": scaling,
    }
    cohorts = load_listing(
        list_class_folders(root, name="set"), ImageForm(**options), cache_dir=tmp_path / "cache"
    )
    shown = load_images(root, ImageForm(**options))
    for cohort in cohorts.values():
        for row, name in enumerate(cohort.ids):
            assert np.array_equal(cohort.images[row], shown.images[shown.ids.tolist().index(name)])
    others = load_images(root, ImageForm(**{**options, "jpeg_scaling": False})).images
    assert np.array_equal(shown.images, others) == (not scaling or suffix != "jpg")


def test_real_pictures(real_data):
    for folder, mode, shape in (
        ("chest_xray/val/NORMAL", "L", (1, 224, 224)),
        ("ham10000/images", "RGB", (3, 224, 224)),
    ):
        names = sorted(os.listdir(real_data / folder))[:5]
        for name in names:
            assert open_picture(real_data / folder / name).kind.name == mode
            assert read_picture(real_data / folder / name).shape == shape
