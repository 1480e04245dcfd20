"""Where decoded images go: what was named, beside the images, the user's cache; never a folder that cannot be written."""

from __future__ import annotations

import pytest

from medmonai.data.cache_folder import cache_folders, writable_folder


def test_where_the_cache_is(tmp_path, monkeypatch):
    root = tmp_path / "set"
    root.mkdir()
    monkeypatch.delenv("MEDMONAI_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert cache_folders(root, None)[0] == root / ".medmonai"
    assert cache_folders(root, tmp_path / "x") == [tmp_path / "x"]
    root.chmod(0o555)
    assert cache_folders(root, None) == [tmp_path / "home" / "medmonai", root / ".medmonai"]
    root.chmod(0o755)
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "env"))
    assert cache_folders(root, None) == [tmp_path / "env"]


def test_the_first_that_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert writable_folder([tmp_path / "file" / "x", tmp_path / "y" / "z"]) == tmp_path / "y" / "z"
    with pytest.raises(OSError, match=r"file/x cannot be written .* pass cache_dir or set MEDMONAI_CACHE"):
        writable_folder([tmp_path / "file" / "x"])
