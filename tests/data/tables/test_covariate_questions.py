"""Covariate columns of a table: kept, and refused or questioned where they carry something else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from medmonai.data import ImageForm, list_image_table, load_listing, split_listing

N = 24


def listed(folder, values, *, column="c", labels=None, **columns):
    """A listing of a table with one more column, which is its covariate."""
    labels = ["ab"[i % 2] for i in range(N)] if labels is None else labels
    rows = ["image;label;who;" + column]
    for i in range(N):
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(folder / f"{i:02d}.png")
        rows.append(f"{i:02d}.png;{labels[i]};p{i};{values[i]}")
    (folder / "t.csv").write_text("\n".join(rows))
    columns = {"covariates": [column], "group_column": "who", **columns}
    label = columns.pop("label_column", "label")
    return list_image_table(
        folder / "t.csv",
        {"image_column": "image", "label_column": label, **columns},
        name="t",
        images={"image_folders": folder},
    )


def test_covariates_reach_every_cohort_as_they_stand_in_the_table(tmp_path):
    values = [["61,5", "NA", "40", "59"][i % 4 if i % 8 < 4 else (i + 1) % 4] for i in range(N)]
    listing = split_listing(listed(tmp_path, values), val_fraction=0.25, test_fraction=0.25, seed=0)
    of_id = {f"{i:02d}.png": value for i, value in enumerate(values)}
    cohorts = load_listing(listing, ImageForm((8, 8), in_channels=1), cache_dir=tmp_path / "cache")
    for cohort in cohorts.values():
        assert cohort.metadata["c"].tolist() == [of_id[name] for name in cohort.ids]
        part = cohort.subset([1, 0])
        assert part.metadata["c"].tolist() == [of_id[name] for name in part.ids]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([""] * N, "holds no value"),
        (["7"] * N, "holds '7' only"),
        ([f"patient {i}" for i in range(N)], "24 different texts in 24 cases"),
        ([f"remark {i}" for i in range(23)] + ["remark 0"], "looks like an identifier or a remark"),
        ([str(100 + i) for i in range(N)], r"numbers the cases \(100 to 123\)"),
        ([f"2020-01-{1 + i % 9:02d}" for i in range(N)], "holds dates"),
        ([f"2020{1 + i % 12:02d}{1 + i % 28:02d}" for i in range(N)], "holds dates, such as '2020"),
        (["1.234" if i % 3 else "1,234" for i in range(N)], "decimal comma"),
        (
            [*(f"{40 + i}.5" for i in range(N - 1)), "old"],
            r"23 numbers and 1 other text \(first 'ol",
        ),
        (["<5" if i % 4 == 0 else str(i) for i in range(N)], r"18 numbers and 6 other .* '<5'\)"),
        ([*(f"{40 + i}.5" for i in range(N - 1)), "inf"], "23 numbers and 1 other"),
        ([*(f"{40 + i}.5" for i in range(N - 1)), "-1e300"], "holds -1e300, which is not a meas"),
        (["xy"[i % 2] for i in range(N)], "is the class in other words"),
        (["1" if i % 2 else "0" for i in range(N)], r"'0' = 'a', '1' = 'b'"),
        (["yes" if i % 2 else "" for i in range(N)], r"missing = 'a', 'yes' = 'b'"),
        (["", "", *(["y", "Z "][i % 2] for i in range(N - 2))], r"'y' = 'a', 'Z' = 'b'"),
    ],
)
def test_columns_that_are_no_covariate_are_refused(values, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        listed(tmp_path, values)


@pytest.mark.parametrize("column", ["image", "label", "who", "LABEL "])
def test_a_column_that_means_something_else_is_refused(column, tmp_path):
    with pytest.raises(ValueError, match=r"covariates: .* is the (image|label|group)_column"):
        listed(tmp_path, ["x", "y"] * (N // 2), covariates=[column])
    with pytest.raises(ValueError, match="is named twice"):
        listed(tmp_path, ["x", "y"] * (N // 2), covariates=["c", "C"])
    with pytest.raises(ValueError, match="covariates='d' is not a column"):
        listed(tmp_path, ["x", "y"] * (N // 2), covariates=["d"])
    with pytest.raises(TypeError, match="a list of columns"):
        listed(tmp_path, ["x", "y"] * (N // 2), covariates="c")


@pytest.mark.parametrize(
    "values",
    [
        ["xyzw"[i % 4] for i in range(N)],  # each value belongs to one class
        [f"{40 + i % 2 * 20 + i * 0.1:.2f}" for i in range(N)],  # every b is older than every a
    ],
)
def test_a_column_that_determines_the_class_is_noted(values, tmp_path):
    assert any(
        "'c' of t.csv determines the class" in note for note in listed(tmp_path, values).notes
    )


def test_missing_values_of_one_class_are_noted(tmp_path):
    values = [("" if i % 2 == 0 and i else str(i // 2 % 5)) for i in range(N)]
    notes = listed(tmp_path, values).notes
    assert any("missing more often in one class (a 92%, b 0%)" in note for note in notes)


def test_an_ordinary_column_is_not_questioned(tmp_path):
    values = [str(40 + 7 * i % 31) for i in range(N)]
    assert not any("covariates" in note for note in listed(tmp_path, values).notes)


def test_each_label_of_several_is_asked_about(tmp_path):
    (tmp_path / "m").mkdir()
    rows = ["image,a,b,c"]
    for i in range(N):
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(tmp_path / "m" / f"{i:02d}.png")
        rows.append(f"{i:02d}.png,{i % 2},{i % 3 // 2},{'no' if i % 3 // 2 else 'yes'}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    with pytest.raises(ValueError, match="is the label 'b' in other words"):
        list_image_table(
            tmp_path / "t.csv",
            {"image_column": "image", "label_column": ["a", "b"], "covariates": ["c"]},
            name="t",
            images={"image_folders": tmp_path / "m"},
        )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["-99" if i % 5 == 2 else f"{40 + 7 * i % 31}" for i in range(N)], "-99 in 5 of 24 cases"),
        (["999" if i == 3 else f"{40 + 7 * i % 31}" for i in range(N)], "999 in 1 of 24 cases"),
        ([str(100_000 + 7919 * i % 90_001) for i in range(N)], "another large number in every"),
    ],
)
def test_numbers_that_may_be_codes_are_questioned(values, said, tmp_path):
    assert said in " ".join(listed(tmp_path, values).notes)


@pytest.mark.parametrize(
    "values",
    [
        [f"{40 + 7 * i % 31}.5" for i in range(N)],
        [str(-1 + i % 12) for i in range(N)],  # -1 lies among the others
        [str(1000 * (90 + 7 * i % 31)) for i in range(N - 1)] + ["97000"],  # counts, rounded
        ["0", "1", "1", "999"] * 6,  # few values: may be categories
    ],
)
def test_other_numbers_are_not(values, tmp_path):
    notes = " ".join(listed(tmp_path, values).notes)
    assert "missing value" not in notes and "large number" not in notes
