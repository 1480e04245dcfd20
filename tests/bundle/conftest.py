from __future__ import annotations

from pathlib import Path

import pytest
from bundle_runs import write_medmnist


@pytest.fixture(scope="session")
def medmnist_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("medmnist")
    write_medmnist(folder, "pneumoniamnist", (28, 28))
    write_medmnist(folder, "nodulemnist3d", (28, 28, 28))
    write_medmnist(folder, "vesselmnist3d", (28, 28, 28))
    return folder
