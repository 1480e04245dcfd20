from __future__ import annotations

import numpy as np
import pytest

from medmonai.visualize import image_sizes_figure


@pytest.mark.parametrize("axes", [2, 3])
def test_every_image_is_in_one_bin_of_each_axis(axes):
    sizes = np.random.default_rng(0).integers(20, 2000, (57, axes))
    (panel,) = image_sizes_figure(sizes).axes
    counts = [patch.get_data().values for patch in panel.patches]
    assert [count.sum() for count in counts] == [57] * axes
    assert [patch.get_label() for patch in panel.patches] == [
        ["height", "width"],
        ["axis 1", "axis 2", "axis 3"],
    ][axes - 2]


def test_by_hand():
    (panel,) = image_sizes_figure(np.array([[4, 6], [4, 5], [5, 9]])).axes
    height, width = (patch.get_data().values.tolist() for patch in panel.patches)
    assert (height, width) == ([2, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 1])


@pytest.mark.parametrize("shape", [(0, 2), (3, 4), (3,)])
def test_errors(shape):
    with pytest.raises(ValueError, match=r"sizes have shape .*; \(N, 2\) or \(N, 3\)"):
        image_sizes_figure(np.zeros(shape, int))
