"""Saliency figure: the image beside itself under the map, volumes cut through the map's maximum."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.visualize import saliency_figure, save_figure


def cases(spatial, n=2, channels=1, dtype=np.float32):
    rng = np.random.default_rng(0)
    images = (rng.random((n, channels, *spatial)) * 100).astype(dtype)
    return images, rng.random((n, 1, *spatial)).astype(np.float32) * 0.9


def panels(figure):
    return [
        [np.asarray(image.get_array()) for image in axes.images]
        for axes in figure.axes
        if axes.images
    ]


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize("n", [1, 3, 4])
def test_images_stand_beside_their_overlay(n, tmp_path):
    images, maps = cases((8, 9), n)
    figure = saliency_figure(images, maps, titles=[f"case {i}" for i in range(n)])
    drawn = panels(figure)
    assert len(drawn) == 2 * n
    for i in range(n):
        (bare,), (under, over) = drawn[2 * i : 2 * i + 2]
        np.testing.assert_array_equal(bare, images[i, 0])
        np.testing.assert_array_equal(under, images[i, 0])
        np.testing.assert_array_equal(over, maps[i, 0])
    assert words(figure) == [f"case {i}" for i in range(n)]
    save_figure(figure, tmp_path / "saliency")


def test_opacity_grows_with_the_map_and_all_share_one_scale():
    figure = saliency_figure(*cases((8, 9), 1))
    over = next(axes.images[1] for axes in figure.axes if len(axes.images) == 2)
    alpha = over.get_alpha()
    assert (
        alpha.max() < 1
        and (np.argsort(alpha.ravel()) == np.argsort(np.asarray(over.get_array()).ravel())).all()
    )
    assert (over.norm.vmin, over.norm.vmax) == (0, 1)


def test_volumes_are_cut_through_the_maximum():
    images, maps = cases((5, 6, 7))
    maps[0, 0, 1, 4, 5], maps[1, 0, 3, 0, 6] = 1, 1
    figure = saliency_figure(images, maps)
    drawn = panels(figure)
    assert len(drawn) == 12
    for i, peak in enumerate([(1, 4, 5), (3, 0, 6)]):
        for axis in range(3):
            (bare,), (_, over) = drawn[6 * i + 2 * axis : 6 * i + 2 * axis + 2]
            np.testing.assert_array_equal(bare, np.take(images[i, 0], peak[axis], axis=axis))
            np.testing.assert_array_equal(over, np.take(maps[i, 0], peak[axis], axis=axis))
    # The lines of the first plane (axis 0 cut away) show where axes 1 and 2 are cut.
    lines = figure.axes[0].lines
    assert {float(line.get_ydata()[0]) for line in lines[::2]} == {4}
    assert {float(line.get_xdata()[0]) for line in lines[1::2]} == {5}


def test_no_evidence_is_said_and_cut_through_the_middle():
    images, maps = cases((5, 6, 7), 1)
    figure = saliency_figure(images, maps * 0, titles=["a"])
    assert words(figure) == ["a (no evidence)"]
    np.testing.assert_array_equal(panels(figure)[0][0], images[0, 0, 2])


def test_spacing_sets_the_proportions():
    figure = saliency_figure(*cases((4, 8, 8), 1), spacing=(4.0, 1.0, 2.0))
    aspects = [axes.get_aspect() for axes in figure.axes[:6]]
    assert aspects == [0.5, 0.5, 2.0, 2.0, 4.0, 4.0]


def test_colours_and_first_channel():
    assert panels(saliency_figure(*cases((8, 9), 1, 3, np.uint8)))[0][0].shape == (8, 9, 3)
    assert panels(saliency_figure(*cases((8, 9), 1, 3)))[0][0].shape == (8, 9)
    assert panels(saliency_figure(*cases((5, 6, 7), 1, 3, np.uint8)))[0][0].shape == (6, 7, 3)


@pytest.mark.parametrize("spatial", [(8, 8), (6, 6, 6)])
def test_long_titles_and_notes_fit(spatial):
    images, maps = cases(spatial, 3)
    figure = saliency_figure(images, maps, titles=["x" * 200] * 3, note="what the check says " * 20)
    figure.canvas.draw()
    widths = [axes.get_position().width for axes in figure.axes if axes.images]
    assert max(widths) - min(widths) < 0.01 and min(widths) > 0.12
    renderer, box = figure.canvas.get_renderer(), figure.bbox
    assert all(
        text.get_window_extent(renderer).x1 <= box.x1 for axes in figure.axes for text in axes.texts
    )
    note = figure._supxlabel
    assert "not for clinical use" in note.get_text() and "what the check says" in note.get_text()
    extent = note.get_window_extent(renderer)
    assert extent.x0 >= 0 and extent.x1 <= box.x1 and extent.y0 >= 0
    assert extent.y1 < min(axes.get_position().y0 for axes in figure.axes) * box.height + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"maps": np.zeros((1, 1, 8, 8))},
            r"images have shape \(2, 1, 8, 8\) and maps \(1, 1, 8, 8\)",
        ),
        ({"maps": np.full((2, 1, 8, 8), 1.5)}, "maps range from 1.5 to 1.5; saliency in"),
        ({"maps": np.full((2, 1, 8, 8), np.nan)}, "maps range from nan"),
        ({"titles": ["one"]}, "titles hold 1 texts for 2 images"),
        ({"spacing": (1, 0)}, r"spacing=\(1, 0\); 2 lengths above 0"),
        ({"images": np.zeros((2, 8, 8))}, "in 2D or 3D"),
    ],
)
def test_errors(change, message):
    arguments = {"images": np.zeros((2, 1, 8, 8)), "maps": np.zeros((2, 1, 8, 8)), **change}
    with pytest.raises(ValueError, match=message):
        saliency_figure(arguments.pop("images"), arguments.pop("maps"), **arguments)
