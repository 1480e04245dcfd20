from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medmonai.data.containers.npz import npz_array, npz_keys


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32, np.float64, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=4, max_side=6),
    ),
    st.booleans(),
)
def test_read_equals_numpy(tmp_path_factory, array, compressed):
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    (np.savez_compressed if compressed else np.savez)(path, x=array)
    found = npz_array(path, "x")
    assert (found.shape, found.dtype, found.nbytes) == (array.shape, array.dtype, array.nbytes)
    np.testing.assert_array_equal(found.read(), array)


def test_reads_in_several_blocks(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (5000, 28, 28, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=array)
    out = np.empty((5000, 3, 28, 28), np.uint8)
    npz_array(tmp_path / "a.npz", "x").read_images(out, channels_last=True)
    assert np.array_equal(out, np.moveaxis(array, -1, 1))
    assert npz_keys(tmp_path / "a.npz") == ("x",)


def test_a_header_that_promises_more_than_there_is(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 8), np.uint8))
    content = (tmp_path / "x.npy").read_bytes()
    for change, held in ((content[:-8], 24), (content + b"more", 36)):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("x.npy", change)
        match = (
            r"a.npz: x cannot be read: its shape \(4, 8\) and dtype uint8 are 32 bytes, and the "
            rf"file holds {held}"
        )
        with pytest.raises(ValueError, match=match):
            npz_array(tmp_path / "a.npz", "x").read()


def test_a_member_that_is_no_array(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"not an array at all")
    with pytest.raises(ValueError, match=r"a.npz: x cannot be read"):
        npz_array(tmp_path / "a.npz", "x")


def saved(path, compressed=False, **arrays):
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return bytearray(path.read_bytes())


def test_a_header_without_a_bracket(tmp_path):
    content = saved(tmp_path / "a.npz", x=np.zeros((30, 28, 28), np.uint8))
    content[content.find(b"28), }") + 2] = ord(" ")  # NumPy's parser raises tokenize.TokenError
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.npz: x cannot be read: "):
        npz_array(tmp_path / "a.npz", "x")


def test_a_directory_that_points_before_the_file(tmp_path):
    content = saved(tmp_path / "a.npz", x=np.zeros(3))
    at = content.rfind(b"PK\5\6")
    content[at + 16 : at + 20] = b"\xff\xff\xff\x7f"
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"a.npz: x cannot be read: its directory points outside the file"
    ):
        npz_array(tmp_path / "a.npz", "x")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "claim", [b"(9000000000)", b"(1e9, 28,28)", b"(-30, 28,28)", b"(1<<40, 2,2)"]
)
def test_a_size_that_is_not_there(tmp_path, claim, compressed):
    header = tmp_path / "x.npy"
    np.save(header, np.zeros((30, 28, 28), np.uint8))
    content = bytearray(header.read_bytes())
    at = content.find(b"(30, 28, 28)")
    content[at : at + 12] = claim
    with zipfile.ZipFile(
        tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    ) as archive:
        archive.writestr("x.npy", bytes(content))
    with pytest.raises(ValueError, match=r"a.npz: x cannot be read: "):
        npz_array(tmp_path / "a.npz", "x")


def test_texts_of_an_impossible_length(tmp_path):
    np.save(tmp_path / "ids.npy", np.array(["a", "b"]))
    content = (
        (tmp_path / "ids.npy")
        .read_bytes()
        .replace(b"'<U1', ", b"'<U400000000', ")
        .replace(b"  ", b"", 4)
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("ids.npy", content)
    with pytest.raises(ValueError, match=r"a.npz: ids cannot be read"):
        npz_array(tmp_path / "a.npz", "ids", text=True)


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_are_one_line_that_names_them(tmp_path, compressed):
    rng = np.random.default_rng(5)
    arrays = {"images": rng.integers(0, 255, (6, 8, 8), np.uint8), "ids": np.array(list("abcdef"))}
    original = saved(tmp_path / "good.npz", compressed, **arrays)
    path, refused = tmp_path / "bad.npz", 0
    for _ in range(300):
        content = bytearray(original)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        path.write_bytes(
            content[: rng.integers(1, len(content))] if rng.random() < 0.1 else content
        )
        try:
            npz_keys(path)
            found = {key: npz_array(path, key, text=key == "ids").read() for key in arrays}
        except ValueError as error:
            assert "bad.npz" in str(error) and "\n" not in str(error)
            refused += 1
        else:
            # what was hit holds no value
            assert all(np.array_equal(found[key], arrays[key]) for key in arrays)
    assert refused > 200
