"""A pool that saves the tests of studies the start of worker processes."""

from __future__ import annotations

import pytest
from this_process import ThisProcess

from medmonai.studies.pools import POOLS


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setitem(POOLS, "here", ThisProcess)
