"""A fit of somebody's own npz file: splits that are kept, or folds, and the same images."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.bundle import bundle_cohorts
from medmonai.planning import fit_source
from medmonai.planning.look import look
from medmonai.planning.recipe_source import data_overrides
from medmonai.planning.rules import form_choice

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "splits"),
    [((40, 16, 16, 4), ()), ((40, 12, 11, 10), ()), ((40, 16, 16), ("train", "val", "test"))],
    ids=["channels", "volumes", "splits"],
)
def test_the_planned_bundle_reads_the_images_of_the_file(tmp_path, monkeypatch, shape, splits):
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "cache"))
    deep = shape[1] == 12  # more than 8 bits
    parts = {f"{split}_" * bool(split): RNG.integers(0, 255, shape) for split in splits or ("",)}
    arrays = {}
    for part, values in parts.items():
        arrays[f"{part}images"] = (values * 8).astype(np.int16) if deep else values.astype(np.uint8)
        arrays[f"{part}labels"] = np.arange(40) % 2
    np.savez(tmp_path / "mine.npz", class_names=np.array(["well", "ill"]), **arrays)
    options = {"spatial_dims": 2} if len(shape) == 4 and shape[-1] == 4 else {}
    options |= {"spatial_dims": 3} if deep else {}
    out = fit_source(str(tmp_path / "mine.npz"), options, output=tmp_path / "out", plan_only=True)
    seen = look(str(tmp_path / "mine.npz"), options)
    assert seen.in_channels == (4 if shape[-1] == 4 else 1)
    splits_file = out / "splits" / "member_0.csv"
    overrides = {**data_overrides(seen), "splits_file": str(splits_file)}
    cohorts = bundle_cohorts(out / "model", overrides)
    assert sum(map(len, cohorts)) == 40 * len(parts)
    if splits:
        assert len(cohorts[2]) == 40 and all("test" in name for name in cohorts[2].ids)
    for cohort in cohorts:
        assert cohort.class_names == ("well", "ill")
        for name, image, label in zip(cohort.ids, cohort.images, cohort.labels):
            row = int(name[-6:])
            assert label == row % 2
            values = next(v for part, v in parts.items() if part.replace("_", "-") in name)[row]
            if not deep:  # volumes are resized
                wanted = np.moveaxis(values, -1, 0) if values.ndim == 3 else values[None]
                np.testing.assert_array_equal(image, wanted)
            assert image.min() < 60 and image.max() > 190


@pytest.mark.parametrize("both", [False, True])
def test_labels_of_which_each_case_has_one_may_be_classes(tmp_path, both):
    labels = np.eye(2, dtype=int)[np.arange(32) % 2]
    labels[0, 1] = int(both)
    images = RNG.integers(0, 255, (32, 16, 16)).astype(np.uint8)
    np.savez(tmp_path / "hot.npz", images=images, labels=labels)
    said = "\n".join(look(str(tmp_path / "hot.npz")).lines())
    assert ("warning: every case has exactly one of the 2 labels" in said) != both


def test_an_array_of_true_and_false_is_a_mask(tmp_path):
    masks = RNG.integers(0, 2, (32, 9, 8, 7)).astype(bool)
    np.savez(tmp_path / "masks.npz", images=masks, labels=np.arange(32) % 2)
    seen = look(str(tmp_path / "masks.npz"), {"spatial_dims": 3})
    assert (seen.levels[0].low, seen.levels[0].high, seen.levels[0].eight_bits) == (0, 1, True)
    assert form_choice(seen)[0] == {"intensity_range": [0, 1]}
