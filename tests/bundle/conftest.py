from __future__ import annotations

from pathlib import Path

import pytest
from bundle_runs import write_sources


@pytest.fixture(scope="session")
def sources(tmp_path_factory) -> Path:
    """A folder with a small set for every shipped bundle."""
    return write_sources(tmp_path_factory.mktemp("sources"))
