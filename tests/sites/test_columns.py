"""Models that take several images and covariates of a case, at another site."""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pytest
import torch
from fit_commands import call
from mean_bundles import sigmoid
from PIL import Image

from medmonai.data.covariate_columns import CategoricalCovariate, NumericCovariate
from medmonai.data.covariate_encoder import CovariateEncoder
from medmonai.predictions import read_predictions

_MODULE = """
import torch


class OfMeans(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.channels = torch.nn.Parameter(torch.zeros(2))
        self.columns = torch.nn.Parameter(torch.zeros(5))
        self.shift = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, covariates):
        z = x.flatten(2).mean(dim=2) @ self.channels + covariates @ self.columns + self.shift
        return z[:, None]
"""
ENCODER = CovariateEncoder(
    (
        NumericCovariate("age", mean=60.0, sd=10.0, low=40.0, high=80.0, missing=2),
        CategoricalCovariate("sex", categories=("f", "m"), counts=(5, 4), missing=2),
    )
)
WEIGHTS = {
    "channels": torch.tensor([12.0, -6.0]),
    "columns": torch.tensor([1.0, 0.5, 0.25, -0.25, 0.0]),
    "shift": torch.tensor([-3.0]),
}


def bundle_of_columns(folder, size):
    """logit = 12 mean of t1 - 6 mean of t2 + the covariates - 3."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "means_network.py").write_text(_MODULE)
    scaling = {"a_min": 0.0, "a_max": 255.0, "b_min": 0.0, "b_max": 1.0}
    form = {"spatial_size": list(size), "in_channels": 2}
    if len(size) == 3:
        form["intensity_range"] = [0, 255]
    config = {
        "imports": ["$import torch"],
        "class_names": ["well", "sick"],
        "task": {"_target_": "medmonai.task.Task", "kind": "binary", "num_classes": 2},
        "network": {"_target_": "means_network.OfMeans"},
        "covariate_encoder": {
            "_target_": "medmonai.data.read_covariates",
            "path": "$@bundle_root + '/models/covariates.json'",
        },
        "batch_preprocessing": {
            "_target_": "medmonai.transforms.BatchCompose",
            "transforms": [{"_target_": "medmonai.transforms.ScaleIntensityRange", **scaling}],
        },
        "inferer": {"_target_": "medmonai.engines.FlipAveragingInferer"},
        "batch_size": 16,
        "device": "$torch.device('cpu')",
        "dataset": {"form": form, "image_column": ["t1", "t2"]},
    }
    (folder / "configs" / "inference.json").write_text(json.dumps(config))
    torch.save(WEIGHTS, folder / "models" / "model.pt")
    ENCODER.write(folder / "models" / "covariates.json")
    return folder


def site_of_columns(folder, size, *, n=80, seed=0):
    """Images, ages and sexes of n patients: the table, the logits, and which ages are known."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    means = rng.uniform(0.2, 0.8, (n, 2))
    age = rng.normal(60, 8, n).round(1)
    sex = rng.integers(0, 3, n)  # 2: unknown
    known = np.arange(n) % 9 != 4
    rows, pixels = [], np.empty((n, 2))
    for i in range(n):
        names = []
        for channel, name in enumerate(("t1", "t2")):
            path = f"{seed}_{i:03d}_{name}." + ("png" if len(size) == 2 else "nii.gz")
            values = np.rint(255 * means[i, channel]) + rng.integers(-3, 4, size)
            values = np.clip(values, 0, 255).astype(np.uint8)
            pixels[i, channel] = values.mean() / 255
            if len(size) == 2:
                Image.fromarray(values).save(folder / path)
            else:
                nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / path)
            names.append(path)
        shown = f"{age[i]}" if known[i] else ("", "nan")[i % 2]
        rows.append([f"{seed} {i}", names[1], shown, ("f", "m", "")[sex[i]], names[0]])
    z = 12 * pixels[:, 0] - 6 * pixels[:, 1] - 3
    z += np.where(known, (age - 60) / 10, 0.5) + np.array([0.25, -0.25, 0.0])[sex]
    labels = np.where(rng.random(n) < sigmoid(z + 0.8), "sick", "well")
    with open(folder / "site.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient", "t2", "age", "sex", "t1", "dx"])
        writer.writerows([*row, label] for row, label in zip(rows, labels))
    return folder / "site.csv", z, known


def words(table, *more):
    columns = ("--images", table.parent, "--label_column", "dx", "--group_column", "patient")
    return (table, *columns, *more)


@pytest.mark.parametrize("size", [(8, 8), (6, 6, 4)], ids=["2D", "3D"])
def test_scores_come_from_every_column(size, tmp_path):
    model = bundle_of_columns(tmp_path / "model", size)
    table, z, _ = site_of_columns(tmp_path / "site", size)
    call("adapt", model, "--table", *words(table, "--output", tmp_path / "new"))
    scores = read_predictions(tmp_path / "new" / "predictions_adaptation.csv")
    np.testing.assert_allclose(scores.y_score[:, 1], sigmoid(z), atol=1e-5)
    others, z, _ = site_of_columns(tmp_path / "others", size, n=40, seed=1)
    call("evaluate", *words(others, "--model", tmp_path / "new", "--output", tmp_path / "out"))
    scores = read_predictions(tmp_path / "out" / "predictions_test.csv")
    np.testing.assert_allclose(scores.y_score[:, 1], sigmoid(z), atol=1e-5)
    with pytest.raises(AssertionError, match="none of the 80 cases may be evaluated"):
        call("evaluate", *words(table, "--model", tmp_path / "new", "--output", tmp_path / "no"))


def test_a_missing_column_is_named_and_other_units_are_counted(tmp_path):
    model = bundle_of_columns(tmp_path / "model", (8, 8))
    table, _, known = site_of_columns(tmp_path / "site", (8, 8))
    rows = list(csv.reader(table.open(newline="")))
    for column, name in ((2, "age"), (1, "t2")):
        other = table.with_name(f"without_{name}.csv")
        with other.open("w", newline="") as file:
            csv.writer(file).writerows(row[:column] + row[column + 1 :] for row in rows)
        done = call(*("adapt", model, "--table", *words(other)), code=1)
        assert f"'{name}' is not a column of without_{name}.csv" in str(done.exception)
    months = table.with_name("months.csv")
    with months.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        for row in rows[1:]:
            row[2] = f"{12 * float(row[2]):.0f}" if row[2] not in ("", "nan") else ""
            writer.writerow(row)
    said = call("adapt", model, "--table", *words(months, "--output", tmp_path / "new")).output
    assert f" {known.sum()} of 80 cases lie outside the ranges of the training." in said
