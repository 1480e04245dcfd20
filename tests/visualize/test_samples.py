"""Samples figure: one row per class, three planes per volume, only members of the class."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from medmonai.data import Cohort, Provenance
from medmonai.task import Task
from medmonai.visualize import samples_figure, save_figure


def cohort(kind="binary", classes=2, spatial=(8, 8), channels=1, dtype=np.uint8, n=12):
    """Images whose grey value is the case's number."""
    task = Task(kind, classes)
    images = np.ones((n, channels, *spatial), dtype) * np.arange(n).reshape(
        -1, *[1] * (len(spatial) + 1)
    ).astype(dtype)
    labels = (
        np.arange(n) % classes
        if task.exclusive
        else np.eye(classes, dtype=int)[np.arange(n) % classes]
    )
    known = {
        name: "x"
        for name, p in inspect.signature(Provenance).parameters.items()
        if p.default is p.empty
    }
    return Cohort(
        images=images,
        labels=labels.astype(np.int64),
        ids=np.array([f"c{i}" for i in range(n)]),
        task=task,
        class_names=tuple("abc"[:classes]),
        provenance=Provenance(**known),
        split="train",
    )


def drawn(figure):
    return [[image.get_array() for image in axes.images] for axes in figure.axes]


@pytest.mark.parametrize(("kind", "classes"), [("binary", 2), ("multiclass", 3), ("multilabel", 3)])
@pytest.mark.parametrize("spatial", [(8, 9), (8, 9, 10)])
def test_rows_hold_members_of_their_class(kind, classes, spatial, tmp_path):
    figure = samples_figure(cohort(kind, classes, spatial), per_class=3)
    columns = 3 if len(spatial) == 2 else 9
    panels = drawn(figure)
    assert len(panels) == classes * columns
    for i, (panel,) in enumerate(panels):
        assert int(panel.flat[0]) % classes == i // columns
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == [f"{name} ({12 // classes} cases)" for name in "abc"[:classes]]
    save_figure(figure, tmp_path / "samples")


def test_the_three_middle_planes():
    data = cohort(spatial=(4, 6, 8), dtype=np.float32, n=2)
    data.images[0, 0] = np.random.default_rng(0).random((4, 6, 8))
    panels = [panel for (panel,) in drawn(samples_figure(data, per_class=1))[:3]]
    volume = data.images[0, 0]
    for panel, plane in zip(panels, (volume[2], volume[:, 3], volume[:, :, 4])):
        np.testing.assert_array_equal(panel, plane)


def test_colour_and_first_channel():
    assert drawn(samples_figure(cohort(channels=3)))[0][0].shape == (8, 8, 3)
    assert drawn(samples_figure(cohort(channels=3, dtype=np.float32)))[0][0].shape == (8, 8)
    assert drawn(samples_figure(cohort(channels=3, spatial=(5, 6, 7))))[0][0].shape == (6, 7, 3)


def test_seed_decides_and_few_cases_are_fine():
    data = cohort(n=60)
    same = [np.array(drawn(samples_figure(data, seed=s))).ravel() for s in (0, 0, 1)]
    assert (same[0] == same[1]).all()
    assert (same[0] != same[2]).any()
    few = drawn(samples_figure(cohort(n=3), per_class=4))
    assert [len(images) for images in few] == [1, 1, 0, 0, 1, 0, 0, 0]


def test_bad_arguments():
    with pytest.raises(ValueError, match="per_class=0; at least 1"):
        samples_figure(cohort(), per_class=0)
