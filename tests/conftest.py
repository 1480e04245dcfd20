"""What all tests share: the folder of real data, and one thread per process so that timings do not
fight.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest
import torch

matplotlib.use("Agg")
torch.set_num_threads(int(os.environ.get("MEDMONAI_TEST_THREADS", "1")))


@pytest.fixture(scope="session", autouse=True)
def _decoded_images(tmp_path_factory) -> Iterator[None]:
    """Keep what tests decode out of the folders of real data and of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDMONAI_CACHE", str(tmp_path_factory.mktemp("decoded")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that MEDMONAI_TEST_DATA names (medmnist/, chest_xray/, ct/,
    ham10000/).
    """
    folder = os.environ.get("MEDMONAI_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no real data: set MEDMONAI_TEST_DATA to its folder")
    return Path(folder).resolve()
