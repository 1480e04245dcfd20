"""What `predict` is given: tables without labels, folders, npz files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mean_models import mean_model
from PIL import Image

from medmonai.deployment import predict


def save(path, value, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, value, np.uint8)).save(path)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_table_gives_one_row_per_row(kind, tmp_path):
    for value in (0, 51, 204):
        save(tmp_path / "scans" / f"{value}.png", value)
    (tmp_path / "scans" / "bad.png").write_bytes(b"no picture")
    rows = [("scan", "file"), ("A", "0"), ("B", "51"), ("C", "lost"), ("D", "bad"), ("A", "204")]
    path = tmp_path / f"new.{kind}"
    if kind == "csv":
        path.write_text("\n".join(",".join(row) for row in rows))
    else:
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    options = {"image_column": "file", "id_column": "scan", "suffix": ".png"}
    cases = list(predict(mean_model(), path, images=str(tmp_path / "scans"), **options))
    assert [case.id for case in cases] == ["A", "B", "C", "D", "A"]
    p = [1 / (1 + np.exp(2 - 4 * value / 255)) for value in (0, 51, 204)]
    found = [case.probabilities for case in cases]
    np.testing.assert_allclose([one[1] for one in found if one], p, rtol=1e-6)
    assert [case.decision for case in cases] == ["normal", "normal", "", "", "lesion"]
    assert [case.flag.split(":")[0] for case in cases] == [
        "line 6 has the same id",
        "",
        "no image 'lost.png' was found",
        "bad.png (10 bytes) cannot be read",
        "line 2 has the same id",
    ]


def two_columns(**columns):
    model = mean_model()
    form = replace(model.form, in_channels=2)
    return replace(model, form=form, image_columns=("t1", "t2"), **columns)


def test_rows_that_all_name_lost_files_are_flagged(tmp_path):
    save(tmp_path / "a.png", 9)
    (tmp_path / "t.csv").write_text("t1,t2\nlost.png,a.png\nlost2.png,\n")
    cases = list(predict(two_columns(), tmp_path / "t.csv"))
    assert [case.probabilities for case in cases] == [(), ()]
    assert all("lost" in case.flag for case in cases)


def test_a_table_without_a_column_of_the_model(tmp_path):
    save(tmp_path / "a.png", 9)
    (tmp_path / "t.csv").write_text("t1,other\na.png,a.png\n")
    said = r"'t2' is not a column of t\.csv.* The model takes t1, t2: an empty column says"
    with pytest.raises(ValueError, match=said):
        predict(two_columns(), tmp_path / "t.csv")
    with pytest.raises(ValueError, match=r"'t3' is not a column"):
        predict(two_columns(), tmp_path / "t.csv", image_column="t1,t3")


@pytest.mark.parametrize("size", [(8, 8), (4, 4, 4)])
def test_an_npz_file_of_images(size, tmp_path):
    values = np.array([0, 100, 200], np.uint8)
    images = np.broadcast_to(values.reshape(3, *[1] * len(size)), (3, *size))
    np.savez(tmp_path / "new.npz", images=images, ids=np.array(["a", "b", "a"]))
    cases = list(predict(mean_model(size=size), tmp_path / "new.npz"))
    p = 1 / (1 + np.exp(2 - 4 * (values / 255)))
    np.testing.assert_allclose([case.probabilities[1] for case in cases], p, rtol=1e-6)
    assert [case.id for case in cases] == ["a", "b", "a"]
    assert [bool(case.flag) for case in cases] == [True, False, True]


def test_options_that_nothing_takes_are_refused(tmp_path):
    save(tmp_path / "a.png", 9)
    with pytest.raises(ValueError, match="--image_column is for a table of images"):
        predict(mean_model(), tmp_path, image_column="file")
    (tmp_path / "t.csv").write_text("file\na.png")
    with pytest.raises(ValueError, match=r"--label_column is not an option for t\.csv"):
        predict(mean_model(), tmp_path / "t.csv", label_column="x")
    with pytest.raises(FileNotFoundError, match="--images: 'nowhere' is not a folder"):
        predict(mean_model(), tmp_path / "t.csv", images="nowhere")
    assert [case.id for case in predict(mean_model(), tmp_path / "t.csv")] == ["a.png"]
