"""A fit of somebody's own npz file: splits that are kept, or folds, and the same images."""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.bundle import bundle_cohorts
from medmonai.planning import fit_source
from medmonai.planning.look import look
from medmonai.planning.recipe_source import data_overrides

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
