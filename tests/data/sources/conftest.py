"""What the tests of MedMNIST's files share: no folders of the user, and another entry in the
catalogue.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from medmonai.data import dataset_info
from medmonai.data.sources import medmnist as module
from medmonai.data.sources import medmnist_files


@pytest.fixture
def no_other_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MEDMNIST_ROOT", raising=False)
    monkeypatch.setattr(module, "_announced", set())
    monkeypatch.setattr(medmnist_files, "_md5_of", {})


@pytest.fixture
def offer(monkeypatch):
    """Let a catalogue entry point to another URL and MD5."""

    def change(name, *, url, md5, size=28, num_cases=None):
        info = dataset_info(name)
        files = {**info.files, size: replace(info.file(size), url=url, md5=md5)}
        info = replace(info, files=files, num_cases=num_cases or info.num_cases)
        monkeypatch.setattr(module, "dataset_info", lambda _: info)
        return info.file(size)

    return change
