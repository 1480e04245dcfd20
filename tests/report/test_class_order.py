"""Tables whose score columns name the same classes in another order: brought together by name, or
refused.
"""

from __future__ import annotations

import csv
import json
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from scored_tables import scored

from medmonai.metrics import compare_tables, default_operating_point
from medmonai.predictions import (
    Predictions,
    align,
    in_one_order,
    read_predictions,
    write_predictions,
)
from medmonai.report import compare_files, evaluate, evaluate_files, read_table
from medmonai.task import Task

EXCLUSIVE = ["binary", "multiclass", "ordinal"]


def turned(table, *, labels="by name"):
    """The same scores with the columns from last to first; labels by name, or the old numbers as
    another tool writes them.
    """
    other = table.in_class_order(table.class_names[::-1])
    return (
        other
        if labels == "by name"
        else Predictions(
            other.ids, table.y_true, other.y_score, other.task, other.class_names, other.groups
        )
    )


def write(table, path, *, names=False):
    """Write a table; with `names` y_true holds class names."""
    write_predictions(table, path)
    if names:
        header, *rows = list(csv.reader(path.open()))
        column = header.index("y_true")
        for row in rows:
            row[column] = table.class_names[int(row[column])]
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    return path


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "ordinal"])
def test_another_order_and_back_is_the_same_table(kind):
    table = scored(kind)
    there = turned(table)
    assert there.class_names == table.class_names[::-1]
    np.testing.assert_array_equal(there.y_score, table.y_score[:, ::-1])
    np.testing.assert_array_equal(
        there.task.one_hot(there.y_true), table.task.one_hot(table.y_true)[:, ::-1]
    )
    back = there.in_class_order(table.class_names)
    np.testing.assert_array_equal(back.y_true, table.y_true)
    np.testing.assert_array_equal(back.y_score, table.y_score)


def test_the_logit_of_a_binary_table_changes_its_sign():
    table = scored("binary", 8)
    logits = Predictions(
        table.ids,
        table.y_true,
        np.stack([np.zeros(8), np.arange(8) - 3.0], 1),
        table.task,
        ("no", "yes"),
    )
    assert (
        logits.with_positive_class("NO ").positive_scores.tolist() == (3.0 - np.arange(8)).tolist()
    )
    assert (
        logits.with_positive_class("yes").positive_scores.tolist() == (np.arange(8) - 3.0).tolist()
    )


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "ordinal"])
def test_tables_of_the_same_cases_meet_by_name(kind):
    table = scored(kind)
    met = align(table, turned(table))
    assert met.class_names == table.class_names
    np.testing.assert_array_equal(met.y_score, table.y_score)


@pytest.mark.parametrize("kind", EXCLUSIVE)
def test_equal_numbers_under_another_order_are_refused(kind):
    with pytest.raises(ValueError, match="a number in y_true would mean two different classes"):
        align(scored(kind), turned(scored(kind), labels="old numbers"))


def test_a_class_that_has_another_place_is_refused_even_if_the_others_have_other_names():
    table = scored("binary", 20)
    benign = Predictions(
        table.ids, table.y_true, table.y_score, table.task, ("benign", "malignant")
    )
    alone = Predictions(
        table.ids, table.y_true, table.y_score[:, ::-1], table.task, ("not benign", "benign")
    )
    with pytest.raises(ValueError, match="benign, malignant, the other not benign, benign"):
        align(benign, alone)
    renamed = Predictions(
        table.ids, table.y_true, table.y_score, table.task, ("negative", "positive")
    )
    assert align(benign, renamed).class_names == ("benign", "malignant")  # by their places


@pytest.mark.parametrize("kind", EXCLUSIVE)
def test_one_model_written_in_two_orders_is_refused_or_equal_to_itself(kind, tmp_path):
    table, task = scored(kind), "ordinal" if kind == "ordinal" else ""
    a = write(table, tmp_path / "a.csv")
    b = write(turned(table, labels="old numbers"), tmp_path / "b.csv")
    with pytest.raises(
        ValueError, match=r"b.csv: one table has its score columns in the order class 0"
    ):
        compare_files([f"A={a}", f"B={b}"], output=tmp_path / "out", task=task)
    with pytest.raises(ValueError, match="in the order"):
        # seeds of one model
        compare_files([f"A={a},{b}", f"B={a}"], output=tmp_path / "out", task=task)
    assert not (tmp_path / "out").exists()
    named = write(turned(table), tmp_path / "named.csv", names=True)
    compare_files([f"A={a}", f"B={named}"], output=tmp_path / "out", task=task)
    assert (
        json.loads((tmp_path / "out" / "comparison.json").read_text())["comparisons"][0][
            "difference"
        ]
        == 0
    )


@pytest.mark.parametrize("kind", EXCLUSIVE)
@pytest.mark.parametrize("by_name", ["test", "validation", "both"])
def test_a_validation_table_in_another_order(kind, by_name, tmp_path):
    table, held = scored(kind, 60), scored(kind, 60, split="validation")
    task = "ordinal" if kind == "ordinal" else ""
    test, val = tmp_path / "test.csv", tmp_path / "val.csv"
    with pytest.raises(ValueError, match="a number in y_true would mean two different classes"):
        evaluate_files(
            write(table, tmp_path / "t.csv"),
            validation=write(turned(held), tmp_path / "v.csv"),
            task=task,
            output=tmp_path / "none",
        )
    assert not (tmp_path / "none").exists()
    write(table, test, names=by_name in ("test", "both"))
    write(turned(held), val, names=by_name in ("validation", "both"))
    found = evaluate(read_table(test, kind=task), validation=read_table(val, kind=task))
    order = turned(table).class_names if by_name == "test" else table.class_names
    assert found.test.class_names == found.validation.class_names == order
    np.testing.assert_array_equal(found.test.y_score, table.in_class_order(order).y_score)


def test_the_columns_of_labels_say_themselves_whose_they_are():
    table, held = scored("multilabel"), scored("multilabel", split="validation")
    assert in_one_order(table, turned(held))[1].y_true.tolist() == held.y_true.tolist()


def test_the_positive_class_of_a_table_can_be_chosen(tmp_path):
    table, held = scored("binary"), scored("binary", split="validation")
    test, val = write(table, tmp_path / "test.csv"), write(held, tmp_path / "val.csv")
    usual, other = (
        evaluate_files(test, validation=val, output=tmp_path / name, positive_class=name).metrics
        for name in ("class 1", "Class 0")
    )
    assert (usual["positive_class"], other["positive_class"]) == ("class 1", "class 0")
    assert usual["auc"]["estimate"] == other["auc"]["estimate"]
    overall, swapped = (found["decisions"]["default"]["overall"] for found in (usual, other))
    assert (
        overall["recall"]["estimate"]
        == swapped["specificity"]["estimate"]
        != swapped["recall"]["estimate"]
    )
    with pytest.raises(
        ValueError,
        match="positive_class='class 2' is not a class of the table; it has class 0 and class 1",
    ):
        evaluate_files(test, output=tmp_path / "none", positive_class="class 2")
    with pytest.raises(
        ValueError, match="multiclass task: every class is evaluated against the rest"
    ):
        evaluate_files(
            write(scored("multiclass"), tmp_path / "m.csv"),
            output=tmp_path / "none",
            positive_class="class 2",
        )


def test_a_comparison_by_decisions_is_about_the_class_that_was_chosen(tmp_path):
    table, held = scored("binary", 200), scored("binary", 200, split="validation")
    for name, signal in (("a", 1.5), ("b", 0.7)):
        (tmp_path / name).mkdir()
        write(scored("binary", 200, signal=signal), tmp_path / name / "predictions_test.csv")
        write(
            scored("binary", 200, signal=signal, split="validation"),
            tmp_path / name / "predictions_val.csv",
        )
    (tmp_path / "c").mkdir()  # the second one again, by name and the other way round
    b = read_predictions(tmp_path / "b" / "predictions_test.csv")
    write(turned(b), tmp_path / "c" / "predictions_test.csv", names=True)
    write(
        turned(read_predictions(tmp_path / "b" / "predictions_val.csv")),
        tmp_path / "c" / "predictions_val.csv",
        names=True,
    )
    found = {}
    for second in "bc":
        for positive in ("class 0", "class 1"):
            tables = [str(tmp_path / name / "predictions_test.csv") for name in ("a", second)]
            compare_files(
                tables,
                metric="recall",
                positive_class=positive,
                output=tmp_path / f"{second}{positive}",
            )
            content = json.loads((tmp_path / f"{second}{positive}" / "comparison.json").read_text())
            found[second, positive] = content["comparisons"][0]["difference"]
    assert (
        found["b", "class 0"] == found["c", "class 0"]
        and found["b", "class 1"] == found["c", "class 1"]
    )
    assert found["b", "class 0"] != found["b", "class 1"]
    points = dict.fromkeys("ab", default_operating_point(table.task))
    with pytest.raises(ValueError, match="its operating point would be for another class"):
        compare_tables({"a": table, "b": turned(table)}, metric="recall", points=points)
    assert held.positive_class == "class 1" and scored("ordinal").positive_class is None


def test_the_folder_of_a_run_keeps_its_order_of_classes(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    path = write(scored("binary"), run / "predictions_test.csv")
    (run / "run.json").write_text(json.dumps({"class_names": ["class 0", "class 1"]}))
    with pytest.raises(
        ValueError, match="is a run with the classes class 0, class 1 in this order"
    ):
        evaluate_files(path, output=run, positive_class="class 0")
    assert not (run / "metrics.json").exists()


def test_names_whose_letters_are_composed_or_not_are_the_same(tmp_path):
    table = Predictions(
        ["a", "b", "c"],
        [0, 1, 1],
        [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]],
        Task("binary", 2),
        (unicodedata.normalize("NFC", "gutartig ü"), unicodedata.normalize("NFC", "bösartig")),
    )
    other = replace(
        table, class_names=tuple(unicodedata.normalize("NFD", name) for name in table.class_names)
    )
    turned = other.in_class_order(other.class_names[::-1])
    back = align(table, turned)
    assert back.y_true.tolist() == [0, 1, 1] and np.array_equal(back.y_score, table.y_score)
    assert table.with_positive_class(
        unicodedata.normalize("NFD", "gutartig ü")
    ).y_true.tolist() == [1, 0, 0]
