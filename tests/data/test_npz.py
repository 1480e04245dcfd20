from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medmonai.data.npz import npz_array, npz_keys


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(st.sampled_from([np.uint8, np.int16, np.float32, np.float64, np.bool_]),
                  hnp.array_shapes(min_dims=0, max_dims=4, max_side=6)), st.booleans())
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
    for change, match in ((content[:-8], "cannot be read"), (content + b"more", "more bytes than its shape says")):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("x.npy", change)
        with pytest.raises(ValueError, match=match):
            npz_array(tmp_path / "a.npz", "x").read()


def test_a_member_that_is_no_array(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"not an array at all")
    with pytest.raises(ValueError, match=r"a.npz: x cannot be read"):
        npz_array(tmp_path / "a.npz", "x")
