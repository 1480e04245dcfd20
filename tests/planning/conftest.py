"""The look at small gray pictures of two classes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medmonai.planning import look


@pytest.fixture(scope="session")
def seen(tmp_path_factory):
    """Twenty images of noise of each class, 32 x 32."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir()
        for i in range(20):
            values = rng.integers(0, 200, (32, 32)).astype(np.uint8)
            Image.fromarray(values).save(folder / name / f"{i}.png")
    return look(str(folder))
