"""Confusion figure: shares and counts in the cells, 2 to 14 classes, absent classes, bad
matrices.
"""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.visualize import confusion_figure, save_figure


def texts(figure, panel=0):
    """(row, column) -> text of the cell."""
    found = figure.axes[panel].texts
    return {tuple(int(x) for x in text.get_position()[::-1]): text.get_text() for text in found}


@pytest.mark.parametrize(
    ("normalize", "shares"),
    [("true", (90, 10, 20, 80)), ("predicted", (82, 11, 18, 89)), ("all", (45, 5, 10, 40))],
)
def test_two_classes(normalize, shares, all_inside):
    figure = confusion_figure([[90, 10], [20, 80]], ("normal", "sick"), normalize=normalize)
    cells = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert texts(figure) == {
        cell: f"{share} %\n{count}" for cell, share, count in zip(cells, shares, (90, 10, 20, 80))
    }
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(np.ravel(shown), np.array(shares) / 100, atol=0.005)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "normal (100)",
        "sick (100)",
    ]
    all_inside(figure)


@pytest.mark.parametrize("classes", [2, 5, 9, 11])
@pytest.mark.parametrize("width", [3.5, 7.0])
def test_many_classes_with_long_names(classes, width, tmp_path, all_inside):
    counts = np.random.default_rng(0).integers(1, 2000, (classes, classes))
    counts[1] = 0
    figure = confusion_figure(
        counts, [f"a long name of the tissue class {c}" for c in range(classes)], width=width
    )
    assert figure.get_size_inches()[0] == width
    assert not any(row == 1 for row, _ in texts(figure))
    assert any(patch.get_hatch() for patch in figure.axes[0].patches)
    if classes != 5:  # between: depends on the names
        assert ("\n" in texts(figure)[0, 0]) == (width == 7 or classes == 2)
    all_inside(figure)
    save_figure(figure, tmp_path / "c")
    for text in figure.axes[0].texts:  # no text is wider than its cell
        cell = figure.axes[0].get_window_extent().width / classes
        assert text.get_window_extent().width < cell


def test_a_few_of_many_are_neither_none_nor_all():
    assert texts(confusion_figure([[1, 999], [0, 5]], "ab")) == {
        (0, 0): "<1 %\n1",
        (0, 1): ">99 %\n999",
        (1, 1): "100 %\n5",
    }


def test_labels_have_a_panel_each(all_inside):
    matrices = {f"a label with quite a long name {c}": [[50, 3], [c, 20]] for c in range(14)}
    figure = confusion_figure(matrices)
    assert len(figure.axes) == 14
    assert texts(figure, 7)[1, 0] == "26 %\n7"
    all_inside(figure)
    same = confusion_figure(np.array(list(matrices.values())), tuple(matrices))
    assert texts(same, 7) == texts(figure, 7)


@pytest.mark.parametrize(
    ("matrix", "names", "match"),
    [
        (np.ones((2, 3)), "ab", r"shape \(2, 3\)"),
        ([], (), r"shape \(0,\)"),
        (3, "a", r"shape \(\)"),
        ([[1, 2], [3, 4]], ("a",), "2 classes needs 2 names"),
        ([[1, 2], [3, 4]], None, "2 classes needs 2 names"),
        ([[1, -2], [3, 4]], "ab", "values that are not counts"),
        ([[1, np.nan], [3, 4]], "ab", "values that are not counts"),
        ([[1, 0.5], [3, 4]], "ab", "values that are not counts"),
    ],
)
def test_bad_matrices(matrix, names, match):
    with pytest.raises(ValueError, match=match):
        confusion_figure(matrix, names)
    with pytest.raises(ValueError, match="normalize='rows' is unknown"):
        confusion_figure([[1, 2], [3, 4]], "ab", normalize="rows")
