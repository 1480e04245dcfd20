"""Short names: within the length, all different, safe for matplotlib."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from medmonai.visualize.names import shortened, wrapped


@pytest.mark.parametrize(
    ("names", "longest", "expected"),
    [
        (["normal", "sick"], 10, ["normal", "sick"]),
        (["colorectal adenocarcinoma"], 10, ["colorecta…"]),
        # alike at both ends
        (["mass of the left lung", "mass of the right lung"], 12, ["mass of… 1", "mass of… 2"]),
        (["pneumonia, viral", "pneumonia, bacterial"], 12, ["pneumo…viral", "pneumo…erial"]),
        (["a\nb\tc"], 8, ["a b c"]),
        (["$5 to $9"], 8, [r"\$5 to \$9"]),
        (["_hidden"], 8, [" _hidden"]),
    ],
)
def test_examples(names, longest, expected):
    assert shortened(names, longest) == expected


@given(
    st.lists(
        st.text("ab $_", min_size=1, max_size=30).filter(str.strip).map(str.strip),
        min_size=1,
        max_size=9,
        unique_by=lambda s: " ".join(s.split()),
    ),
    st.integers(8, 20),
)
def test_short_and_different(names, longest):
    short = shortened(names, longest)
    assert len(set(short)) == len(names)
    assert all(len(name.replace("\\", "").strip()) <= longest for name in short)


def test_no_name_is_read_as_a_formula():
    figure = Figure()
    text = figure.text(0, 0, shortened(["$x_1$ or $y"], 20)[0])
    assert text._preprocess_math(text.get_text()) == ("$x_1$ or $y", False)


@given(st.text(max_size=60), st.integers(4, 20))
def test_wrapping_loses_nothing_but_space(text, width):
    lines = wrapped(text, width, most=100)
    assert "".join("".join(lines).split()) == "".join(text.split()).replace("$", r"\$")
    assert all(len(line.replace("\\$", "$")) <= width for line in lines)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("test12", 6, ["test12"]),
        ("control/p016_chest_ct_a.nii.gz", 24, ["control/p016_chest_ct_a.", "nii.gz"]),
        ("ISIC_0025031.JPG", 6, ["ISIC_", "002503", "1.JPG"]),
        ("a b c\nd", 3, ["a b", "c", "d"]),
        ("\u6b63\u5e38\u80f8\u90e8", 5, ["\u6b63\u5e38", "\u80f8\u90e8"]),  # twice as wide
        ("0" * 10 + "1" * 50, 10, ["\u2026" + "1" * 9, *["1" * 10] * 4]),  # five lines, the last
        ("", 5, []),
    ],
)
def test_ids_are_broken_and_keep_what_differs(text, width, expected):
    assert wrapped(text, width) == expected
