"""The commands of docs/how_to/new_site.md, one after the other."""

from __future__ import annotations

import html
import re
import shlex
import shutil
from pathlib import Path

from fit_commands import call
from mean_bundles import bundle, site

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how_to" / "new_site.md"


def test_every_command_of_the_page_runs(tmp_path, monkeypatch):
    bundle(tmp_path / "fit", "binary")
    table = site(tmp_path / "SCANS", "binary", darker=0.15)
    site(tmp_path / "NEW_IMAGES", "binary", darker=0.15, n=4, seed=1)
    (tmp_path / "NEW_IMAGES" / "site.csv").unlink()
    shutil.move(table, tmp_path / "site.csv")
    more = site(tmp_path / "SCANS", "binary", darker=0.15, n=50, seed=2, name="more.csv")
    shutil.move(more, tmp_path / "more.csv")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^    medmonai (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [command.split()[0] for command in commands] == [
        "adapt",
        "predict",
        "export",
        "evaluate",
    ]
    for command in commands:
        call(*shlex.split(command))
    made = ("fit_site/adaptation.md", "predictions.csv", "site_model.onnx")
    for name in (*made, "evaluation/metrics.json"):
        assert (tmp_path / name).is_file()
    call("report", "evaluation")
    page = html.unescape((tmp_path / "evaluation" / "report.html").read_text(encoding="utf-8"))
    (again,) = re.findall(r"python -m medmonai (evaluate .+ --output NEW)", page)
    call(*shlex.split(again))
    assert "--model fit_site" in again
    assert (tmp_path / "NEW" / "predictions_test.csv").read_bytes() == (
        tmp_path / "evaluation" / "predictions_test.csv"
    ).read_bytes()
