from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medmonai.data import UnreadableImageError
from medmonai.data.pictures import read_picture
from medmonai.data.png_checksums import check_png

RNG = np.random.default_rng(0)


def test_every_flipped_bit_of_a_png_is_noticed(tmp_path):
    values, path = RNG.integers(0, 40, (12, 12), dtype=np.uint8), tmp_path / "a.png"
    Image.fromarray(values).save(path)
    raw = path.read_bytes()
    for at in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 8
        path.write_bytes(changed)
        with pytest.raises(UnreadableImageError):
            read_picture(path)
    path.write_bytes(raw[:-12])
    with pytest.raises(UnreadableImageError, match="ends before its IEND chunk"):
        read_picture(path)
    path.write_bytes(raw)
    with path.open("rb") as file:
        check_png(file)
        assert file.tell() == 0
    assert np.array_equal(read_picture(path)[0], values)
