"""Label columns that are asked about: measurements, dates, identifiers."""

from __future__ import annotations

import pytest

from medmonai.data.tables.column_questions import ask_about_labels
from medmonai.tables import TextTable


def ask(labels, **others):
    columns = {"image": [f"{i}.png" for i in range(len(labels))], "y": labels, **others}
    table = TextTable("t.csv", columns, list(range(2, 2 + len(labels))))
    ask_about_labels(
        table,
        "y",
        range(len(labels)),
        others=[("image_column", "image"), *(("group_column", name) for name in list(others)[:1])],
    )


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ([str(i % 208) for i in range(400)], "208 numbers"),
        ([f"{i % 11}.0" for i in range(900)], "11 numbers"),
        (["0.5", "1.5", "2"] * 50, "3 numbers with fractions"),
        (["61,5", "40,0", "1"] * 9, "3 numbers with fractions"),
        (["2024-01-31", "2024-02-01", "2024-03-01"] * 9, "3 dates"),
        (["31.01.2024", "1.2.2024", "2.2.24"], "3 dates"),
        ([f"finding {i}" for i in range(30)], "30 values"),
    ],
)
def test_measurements_dates_and_names(labels, what):
    with pytest.raises(
        ValueError, match=rf"label_column='y' of t.csv holds {what} .*--labels_are_classes true"
    ):
        ask(labels)


@pytest.mark.parametrize(
    "labels",
    [
        [str(i % 10) for i in range(20)],
        ["0.0", "1.0"] * 5,
        ["0.5", "1.5"] * 5,
        ["-1", "0", "1", "nan"],
        ["2024-01-31", "2024-02-01"],
        [f"class {i % 40}" for i in range(400)],
        [f"{i}+" for i in range(15)],
        ["a", "b", ""],
    ],
)
def test_classes(labels):
    ask(labels)


def test_identifiers():
    with pytest.raises(
        ValueError,
        match=r"label_column='y' of t.csv holds the same values as group_column='patient'",
    ):
        ask(["p1", "p2", "p3"], patient=["p1", "p2", "p3"])
    with pytest.raises(ValueError, match="the same values as image_column='y'"):
        table = TextTable("t.csv", {"y": ["a", "b"]}, [2, 3])
        ask_about_labels(table, "Y", [0, 1], others=[("image_column", "y")])
    ask(["sick", "sound", "sick"], patient=["p1", "p2", "p3"])
