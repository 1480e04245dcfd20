"""A listing of class folders that is loaded in several ways, and pictures for a cache."""

from __future__ import annotations

import numpy as np
import pytest
from loaded_listings import COUNTS
from source_files import smooth_picture, write_class_folders, write_picture

from medmonai.data import About, CaseGroups, list_class_folders


@pytest.fixture
def listing(tmp_path):
    root = write_class_folders(tmp_path / "set", COUNTS, size=(20, 16), suffix=".png")
    return list_class_folders(
        root, name="set", groups=CaseGroups(r"(person\d+)_"), about=About(known_issues=["known"])
    )


@pytest.fixture
def files(tmp_path):
    """Twelve pictures in two folders."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / "set" / "AB"[i % 2] / f"{i}.png" for i in range(12)]
    for path in paths:
        write_picture(path, smooth_picture(rng, 12, 9))
    return paths
