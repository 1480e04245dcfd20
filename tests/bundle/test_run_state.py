"""What a run folder holds, compared with what is about to run in it."""

from __future__ import annotations

import json

import pytest

from medmonai.bundle.run_state import earlier_run


def recorded(folder, splits_file):
    """A run folder that was trained with the splits of a file: a train, b val, c test."""
    (folder / "models").mkdir(parents=True)
    (folder / "splits.csv").write_text("id,split,group,label\na,train,,x\nb,val,,y\nc,test,,x\n")
    (folder / "config.json").write_text(json.dumps({"seed": 1, "splits_file": splits_file}))
    return folder


def test_a_file_of_splits_may_move_but_not_change(tmp_path):
    folder = recorded(tmp_path / "run", "/gone/member_0.csv")
    moved = tmp_path / "new place.csv"
    moved.write_text("id,split\nb,val\nc,test\na,train\n")
    assert earlier_run(folder, {"seed": 1, "splits_file": str(moved)}) == (True, "")
    with pytest.raises(ValueError, match="differs in seed"):
        earlier_run(folder, {"seed": 2, "splits_file": str(moved)})
    for other in ("id,split\nb,val\nc,train\na,test\n", "id,split\na,train\n"):
        moved.write_text(other)
        with pytest.raises(ValueError, match="holds another run: it differs in splits_file"):
            earlier_run(folder, {"seed": 1, "splits_file": str(moved)})
    for missing in (None, str(tmp_path / "none.csv")):
        with pytest.raises(ValueError, match="holds another run: it differs in splits_file"):
            earlier_run(folder, {"seed": 1, "splits_file": missing})
