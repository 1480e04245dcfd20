"""A listing of class folders that is loaded in several ways."""

from __future__ import annotations

import pytest
from loaded_listings import COUNTS
from source_files import write_class_folders

from medmonai.data import About, CaseGroups, list_class_folders


@pytest.fixture
def listing(tmp_path):
    root = write_class_folders(tmp_path / "set", COUNTS, size=(20, 16), suffix=".png")
    return list_class_folders(
        root, name="set", groups=CaseGroups(r"(person\d+)_"), about=About(known_issues=["known"])
    )
