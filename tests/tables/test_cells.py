"""Cells: identifiers that a spreadsheet has rewritten."""

from __future__ import annotations

import pytest

from medmonai.tables import identifiers


@pytest.mark.parametrize(
    ("values", "expected", "note"),
    [
        (["12.0", "7.00", "a"], ["12", "7", "a"], "'12.0'"),
        (["1.0", "1.1"], ["1.0", "1.1"], ""),
        (["007", "7"], ["007", "7"], ""),
        (["1.0", "b.png"], ["1.0", "b.png"], ""),
        (["1.23E+05", "7"], ["1.23E+05", "7"], "rounded long"),
        ([], [], ""),
    ],
)
def test_identifiers(values, expected, note):
    found, notes = identifiers(values, "patient")
    assert found == expected and len(notes) == bool(note) and note in "".join(notes)
