"""An error in one line."""

from __future__ import annotations

from medmonai.errors import one_line


def caught(outer, inner):
    try:
        raise outer from inner
    except Exception as error:
        return error


def test_the_cause_of_a_wrapped_error_is_told():
    assert one_line(ValueError("two\n  lines")) == "two lines"
    assert one_line(caught(RuntimeError("wrapped"), caught(RuntimeError("again"), ValueError("inner")))) == "inner"
    assert one_line(caught(ValueError("its own words"), KeyError("inner"))) == "its own words"
