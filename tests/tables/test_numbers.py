"""Numbers in tables: which texts are numbers, and which mark their fractions have."""

from __future__ import annotations

import math

import pytest

from medmonai.tables import decimal_mark, number_of, numbers_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (" 1 ", 1),
        ("1.", 1),
        (".5", 0.5),
        ("-1.5e-3", -0.0015),
        ("+2E2", 200),
        ("\u00a00.5", 0.5),
    ],
)
def test_numbers(text, value):
    assert number_of(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0_1",
        "1_000",
        "\uff11",
        "\u0661",
        "nan",
        "inf",
        "1e999",
        "0x10",
        "1,5",
        "1 000",
        "--1",
        ".",
    ],
)
def test_texts_that_are_not_numbers(text):
    assert math.isnan(number_of(text))


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["0.93", "1"], "."),
        (["0,93", "1"], ","),
        (["1,234", "0,5"], ","),
        (["0,125", "0,250"], ","),
        (["-1,5e-3"], ","),
        ([], "."),
    ],
)
def test_decimal_marks(texts, mark):
    assert decimal_mark(texts) == mark


@pytest.mark.parametrize(
    ("texts", "match"),
    [
        (["1,234", "2,500"], "'1,234' can be 1.234 or 1234"),
        (["1.234,5"], "thousands"),
        (["1,234,567"], "thousands"),
        (["0,5", "0.5"], "'0.5' has a decimal point and '0,5' a decimal comma"),
    ],
)
def test_two_meanings_are_refused(texts, match):
    for function in (decimal_mark, numbers_of):
        with pytest.raises(ValueError, match=match):
            function(texts)


def test_columns_of_numbers():
    assert numbers_of(["1", "2.5"]).tolist() == [1, 2.5] and numbers_of(["1", "2,5"]).tolist() == [
        1,
        2.5,
    ]
    for texts in (["1", "x"], ["1", "0_1"], ["a,b"], ["1,2", "x"], ["1", ""]):
        assert numbers_of(texts) is None
