"""Header fields that go with the class: the measure, the test, and what counts as one patient."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy import stats

from medmonai.data.audit import header_findings
from medmonai.data.audit.confounding import _cramers_v, _p_value
from medmonai.task import Task

TWO = Task("binary", 2)


def found(facts, labels, task=TWO, names=("a", "b"), **options):
    return header_findings(facts, np.array(labels), task=task, class_names=names, **options)


def test_cramers_v_by_hand():
    table = np.array([[30, 10], [10, 30]])
    # chi-squared 20, n 80: phi^2 .25; corrected (.25 - 1/79) / (1 - 1/79)
    assert _cramers_v(table) == pytest.approx(np.sqrt((0.25 - 1 / 79) / (1 - 1 / 79)))
    assert _cramers_v(np.array([[10, 10], [10, 10]])) == 0
    assert _cramers_v(np.array([[9, 0], [0, 9]])) == pytest.approx(1)
    plain = stats.contingency.association(table, method="cramer")
    assert _cramers_v(table) < plain


def test_the_p_value_is_that_of_all_tables_with_these_margins():
    table = np.array([[8, 2], [1, 9]])

    def chi(x):
        other = np.array([[x, 10 - x], [9 - x, 1 + x]])
        return stats.chi2_contingency(other, correction=False).statistic

    p = {x: comb(10, x) * comb(10, 9 - x) / comb(20, 9) for x in range(10)}
    exact = sum(value for x, value in p.items() if chi(x) >= chi(8) - 1e-9)
    assert _p_value(table, 0) == pytest.approx(exact, abs=3 * np.sqrt(exact / 4999))


def test_fields_without_the_class_are_not_found():
    rng = np.random.default_rng(0)
    wrong = 0
    for seed in range(30):
        facts = [
            {f"f{j}": str(v) for j, v in enumerate(row)} for row in rng.integers(0, 4, (60, 5))
        ]
        wrong += bool(found(facts, rng.integers(0, 2, 60), seed=seed))
    assert wrong <= 2


def test_one_class_of_several_from_one_device():
    labels = np.repeat([0, 1, 2], 20)
    facts = [{"Manufacturer": "B" if c == 2 else "A", "KVP": "120"} for c in labels]
    (one,) = found(facts, labels, Task("multiclass", 3), ("x", "y", "z"))
    assert one.field == "Manufacturer" and one.v > 0.95 and one.fields == 1
    assert one.line().startswith(
        "Manufacturer goes with the class: x: A (20); y: A (20); z: B (20)"
    )


def test_a_patient_counts_once():
    labels = np.repeat([0, 1], 40)
    groups = np.array([f"p{row // 20}" for row in range(80)])  # two patients of each class
    facts = [{"StationName": str(c)} for c in labels]
    assert found(facts, labels) and not found(facts, labels, groups=groups)


def test_labels_of_a_multilabel_task_are_compared_one_by_one():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (60, 2))
    facts = [{"ViewPosition": "AP" if row[1] else "PA"} for row in labels]
    (one,) = found(facts, labels, Task("multilabel", 2), ("p", "q"))
    assert one.label == "q" and "goes with the label 'q': no: PA" in one.line()


def test_numbers_are_compared_by_their_fifths():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40)
    facts = [{"size": f"{rng.integers(900, 1100) if c else rng.integers(1500, 1900)} x 9"}
             for c in labels]  # fmt: skip
    (one,) = found(facts, labels)
    assert one.v > 0.7 and "median" in one.line()
    rng.shuffle(facts)
    assert not found(facts, labels)


def test_a_field_is_compared_among_the_formats_that_have_it():
    labels = np.tile([0, 1], 20)
    facts = [{"format": "JPEG", "JPEG quality": str(c)} for c in labels[:20]]
    facts += [{"format": "PNG"}] * 20
    (one,) = found(facts, labels)
    assert one.field == "JPEG quality" and one.n == 20
    facts[0] = {}  # a file that cannot be read
    assert found(facts, labels)[0].n == 19
    assert found(facts[:8], labels[:8]) == ()
