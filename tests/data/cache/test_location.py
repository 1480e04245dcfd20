"""Where decoded images go: what was named, else the user's cache; room for them; what another
process holds.
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from medmonai.data.cache.location import cache_folder, room_for, writable_cache


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.delenv("MEDMONAI_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / "medmonai"
    assert cache_folder(tmp_path / "x") == tmp_path / "x"
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "env"))
    assert cache_folder() == tmp_path / "env" and cache_folder("~/x") == Path("~/x").expanduser()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path):
    assert writable_cache(tmp_path / "y" / "z").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(
        OSError, match=r"file/x cannot be written .* pass cache_dir or set MEDMONAI_CACHE"
    ):
        writable_cache(tmp_path / "file" / "x")


def test_room(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    with (
        pytest.raises(
            OSError, match=r"3 images need [0-9,.]+ MB and .* has .* MB; pass cache_dir or set"
        ) as raised,
        room_for(2 * free, tmp_path, what="3 images"),
    ):
        pytest.fail("there is no room")
    assert raised.value.errno == errno.ENOSPC
    with (
        pytest.raises(OSError, match=r"3 images need 10 bytes and .* took only a part of them"),
        room_for(10, tmp_path, what="3 images"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="other"), room_for(10, tmp_path, what="3 images"):
        raise OSError(errno.EIO, "other")
