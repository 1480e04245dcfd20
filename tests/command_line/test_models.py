"""What `medmonai predict` refuses before it loads a model."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from medmonai.__main__ import app


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize(
    ("images", "output", "match"),
    [
        ("gone.csv", "p.csv", "gone.csv does not exist; give an image, a folder, a DICOM series"),
        ("table.csv", "table.csv", "table.csv is the table of the images; name another file"),
        ("table.csv", "sub/../table.csv", "is the table of the images"),
        ("table.csv", "p.xlsx", "p.xlsx: the result is CSV; name a file that ends in .csv"),
        ("table.csv", "sub", "sub is a folder; name a file, such as p.csv"),
        ("table.csv", "no/p.csv", "the folder no of --output does not exist; create it first"),
    ],
)
def test_outputs(images, output, match, overwrite, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("image\na.png\n")
    (tmp_path / "sub").mkdir()
    words = ["predict", "no_model", images, "--output", output, *overwrite]
    done = CliRunner().invoke(app, words)
    assert done.exit_code and match in str(done.exception)
    assert (tmp_path / "table.csv").read_text() == "image\na.png\n"
    assert {path.name for path in tmp_path.iterdir()} == {"table.csv", "sub"}
