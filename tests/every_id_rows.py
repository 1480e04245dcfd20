"""One table of ids that a person can set: another value, and a probe of what the run then does; a
new id without a row fails, and so does an id that changes nothing.
"""

from __future__ import annotations

import every_id_probes as p
import torch
from every_id_probes import PHANTOM, REFUSED, OfEvaluation, Row

TRAIN, EVALUATE, INFER, MANY_GPUS = (
    ("train.json",),
    ("train.json", "evaluate.json"),
    ("inference.json",),
    ("train.json", "multi_gpu_train.json"),
)
PHANTOM3D, FLAT, VOLUMES = (
    f"{name}_classification" for name in ("lesion_phantom3d", "pneumoniamnist", "vesselmnist3d")
)
LABELS, SKIN = "chestmnist_classification", "dermamnist_classification"
FOLDERS, TABLE, PATCHES = (
    f"{name}_classification" for name in ("chest_xray", "ham10000", "histopathologic_cancer")
)
SAFE_BF16 = {"spatial_size": [96, 96], "precision": "fp32"}
ROWS: dict[tuple[str, ...], dict[str, Row | list[Row]]] = {
    TRAIN: {
        "bundle_root": Row(
            "{elsewhere}", p.where_history_goes, without=("output_dir",), then="{elsewhere}"
        ),
        "output_dir": Row("{elsewhere}", p.where_history_goes, then="{elsewhere}"),
        "dataset_dir": [
            Row(
                "{elsewhere}",
                p.pixels,
                idle="| `dataset_dir` | does nothing here: training and evaluation draw",
            ),
            Row("{leaky_file}", p.pixels_of_validation, (FLAT,)),
            Row("{missing_images}", p.cases_of_splits, (TABLE,), {"rows_without_image": "skip"}),
            Row("{leaky_folders}", p.splits, (FOLDERS,)),
        ],
        "device": Row("meta", p.device_of_weights, (PHANTOM, PHANTOM3D, TABLE), then="meta"),
        "seed": [
            Row(2, p.first_labels, (PHANTOM, FLAT, VOLUMES, FOLDERS)),
            Row(2, p.initial_weights),
            Row(2, p.record("seed"), then=2),
        ],
        "max_epochs": Row(3, p.history("epoch"), then=["1", "2", "3"]),
        "warmup_epochs": Row(2, p.history("stage"), then=["cross_entropy", "cross_entropy"]),
        "batch_size": Row(8, p.batch_length, (PHANTOM, FLAT, VOLUMES, FOLDERS, TABLE), then=8),
        "learning_rate": [
            Row(0.03, p.step_of_optimizer("optimizer"), (FLAT, TABLE), then=0.03),
            Row(0.03, p.trained_weights),
        ],
        "auc_learning_rate": [
            Row(0.03, p.step_of_optimizer("auc_optimizer"), (FLAT, TABLE), then=0.03),
            Row(0.03, p.trained_weights),
        ],
        "average_decay": Row(0.25, p.average_after_two_updates, (PHANTOM, TABLE), then=0.75),
        "label_smoothing": Row(0.3, p.loss_of_fixed_output, (PHANTOM, FLAT, VOLUMES, LABELS, SKIN)),
        "class_weights": [
            Row([1.0, 9.0], p.loss_of_fixed_output, (PHANTOM, FLAT)),
            Row(None, p.loss_of_fixed_output, (FOLDERS,)),
        ],
        "precision": [
            Row("bf16", p.dtype("train#inferer"), (PHANTOM, TABLE), SAFE_BF16, torch.bfloat16),
            Row("bf16", p.dtype("train#inferer"), (FLAT,), {"precision": "fp32"}, torch.bfloat16),
        ],
        "val_interval": Row(2, p.history("validation_auc")),
        "patience": Row(
            1,
            p.history("epoch"),
            base={"max_epochs": 4, "warmup_epochs": 4, "average_decay": 1 - 1e-9},
            then=["1", "2"],
        ),
        "keep_best": [
            Row("stage", p.best_epoch_when_the_stage_begins, then=-1),
            Row("run", p.best_epoch_when_the_stage_begins, (FLAT,), then=1),
        ],
        "allow_leakage": [
            Row(True, p.refused("audit"), (FLAT,), {"dataset_dir": "{leaky_file}"}, "accepted"),
            Row(
                True, p.refused("audit"), (FOLDERS,), {"dataset_dir": "{leaky_folders}"}, "accepted"
            ),
        ],
        "federated": Row(True, p.federated_job, then=True),
        "phantom_seed": [Row(7, p.pixels, (PHANTOM, PHANTOM3D)), Row(7, p.pixels_of_validation)],
        "train_cases": Row(32, p.number_of_cases, (PHANTOM, PHANTOM3D), then=32),
        "spatial_size": [
            Row([16, 16], p.size_of_cohort, (PHANTOM, FOLDERS, TABLE, PATCHES), then=[16, 16]),
            Row([9, 10, 11], p.size_of_cohort, (PHANTOM3D,), then=[9, 10, 11]),
        ],
        "image_size": Row(64, p.size_of_cohort, (FLAT,), {"dataset_dir": "{both_sizes}"}, [64, 64]),
        "verify_checksum": Row(True, p.refused("train#dataset"), (FLAT, VOLUMES), then=REFUSED),
        "groups_file": Row("{groups}", p.cases_of_splits, (FLAT,)),
        "cache_dir": Row("{cache}", p.files_of_cache, (FLAT, TABLE), then=[".npy"]),
        "positive_class": [
            Row("normal", p.classes, (FLAT,), then=["pneumonia", "normal"]),
            Row("vessel", p.classes, (VOLUMES,), then=["aneurysm", "vessel"]),
            Row("NORMAL", p.classes, (FOLDERS,), then=["PNEUMONIA", "NORMAL"]),
            Row("no tumour", p.classes, (PATCHES,), then=["tumour", "no tumour"]),
        ],
        "class_names": [
            Row(["PNEUMONIA", "NORMAL"], p.classes, (FOLDERS,), then=["PNEUMONIA", "NORMAL"]),
            Row({"0": "clear", "1": "tumour"}, p.classes, (PATCHES,), then=["clear", "tumour"]),
            Row(["vasc", "nv", "mel", "df", "bkl", "bcc", "akiec"], p.classes, (TABLE,)),
        ],
        "intensity_range": Row([20, 200], p.pixels, (TABLE, FOLDERS)),
        "aspect": [Row("crop", p.pixels, (TABLE, FOLDERS)), Row("pad", p.pixels, (TABLE,))],
        "jpeg_scaling": Row(True, p.pixels, (TABLE,), {"dataset_dir": "{large_images}"}),
        "val_fraction": Row(0.3, p.splits, (FOLDERS, TABLE, PATCHES)),
        "test_fraction": [
            Row(0.3, p.splits, (TABLE, PATCHES)),
            Row(
                0.3,
                p.splits,
                (FOLDERS,),
                {"planned_listing#keep_given": False, "test_fraction": 0.1},
            ),
        ],
        "split_seed": Row(5, p.splits, (FOLDERS, TABLE, PATCHES)),
        "splits_file": Row("{splits}", p.splits, (TABLE,)),
        "splits_file_missing": Row(
            "skip",
            p.refused("planned_listing"),
            (TABLE,),
            {"splits_file": "{splits_of_some}"},
            "accepted",
        ),
        "skip_unreadable": Row(
            True, p.refused("images"), (TABLE,), {"dataset_dir": "{damaged_image}"}, "accepted"
        ),
        "published_images": Row(True, p.licence, (FOLDERS, TABLE, PATCHES)),
        "group_column": Row("slide", p.groups, (PATCHES,), {"dataset_dir": "{slides}"}),
        "group_pattern": Row(r"^([A-Z0-9a-z]+)", p.groups, (FOLDERS,)),
        "rows_without_image": [
            Row(
                "skip",
                p.refused("listing"),
                (TABLE,),
                {"dataset_dir": "{missing_images}"},
                "accepted",
            ),
            Row(
                "skip",
                p.refused("listing"),
                (PATCHES,),
                {"dataset_dir": "{missing_patches}"},
                "accepted",
            ),
        ],
        "image_folders": Row(
            ["photographs_*"],
            p.refused("listing"),
            (TABLE,),
            {"dataset_dir": "{moved_images}"},
            "accepted",
        ),
        # none of a ResNet-10
        "pretrained": Row(True, p.refused("network_def"), (FOLDERS, TABLE, PATCHES), then=REFUSED),
        "cache_features": Row(True, p.batch_shape, (FOLDERS, TABLE, PATCHES), then=[1, 1]),
        "unfreeze": Row({"1": "layer4"}, p.unfrozen_at_first_epoch, (FOLDERS, TABLE, PATCHES)),
        "enlarged_size": Row([80, 80], p.batch_shape, (PATCHES,), then=[80, 80]),
        "normalization": Row([], p.first_batch, (PHANTOM, FLAT, FOLDERS, TABLE)),
        "optimizer": Row(
            {
                "_target_": "torch.optim.SGD",
                "params": "$@network.parameters()",
                "lr": "@learning_rate",
            },
            p.kind_of_optimizer,
            (PHANTOM, TABLE),
            then="SGD",
        ),
        "train#augmentation": Row([], p.first_batch, (FLAT, VOLUMES, FOLDERS, TABLE)),
        "train#flips": Row([], p.first_batch, (FLAT, FOLDERS, TABLE)),
        "train#affine": Row([], p.first_batch, (FLAT, FOLDERS, TABLE)),
        "train#noise": Row([], p.first_batch, (FLAT, PATCHES)),
        "train#balance#strategy": [
            Row("none", p.balance_of_epoch, (FLAT,)),
            Row("oversample", p.balance_of_epoch, (FOLDERS,), {"class_weights": None}),
            Row(
                "none",
                p.balance_of_epoch,
                (TABLE,),
                {"train#balance#target": None, "train#balance#strategy": "oversample"},
            ),
        ],
    },
    EVALUATE: {
        "ckpt_path": Row(
            "{checkpoint}", OfEvaluation("test_opened.json", "checkpoint_sha256"), then="{sha256}"
        ),
        "operating_point_rule": Row(
            "sensitivity=0.8",
            OfEvaluation("models/decision.json", "operating_point", "rule"),
            then="sensitivity=0.8",
        ),
        "saliency_layer": Row(
            "layer2.1.conv2", OfEvaluation("saliency.json", "layer"), then="layer2.1.conv2"
        ),
        "flip_axes": Row([1], p.flipped_logits),
        "audit::near_threshold": [
            Row(
                None,
                p.near_pairs,
                (FLAT,),
                {"dataset_dir": "{leaky_file}", "allow_leakage": True},
                False,
            ),
            Row(0.2, p.near_pairs, then=True),
        ],
        "network_def::pretrained": Row(
            True, p.refused("network_def"), (FOLDERS, TABLE, PATCHES), then=REFUSED
        ),
    },
    INFER: {
        "bundle_root": Row(
            "{elsewhere}",
            lambda b: b.get("ckpt_path"),
            without=("ckpt_path", "output_dir"),
            then="{elsewhere}/models/model.pt",
        ),
        "output_dir": Row("{output}", lambda b: str(b.inferred()), then="{output}"),
        "dataset_dir": Row("{grey_jpegs}", p.first_batch),
        "device": Row("meta", p.device_of_weights, then="meta"),
        "ckpt_path": Row("{checkpoint}", p.predictions),
        "decision_path": Row("{decision}", p.decided),
        "load_pretrain": Row(False, p.predictions),
        "batch_size": Row(2, p.batch_length, (PHANTOM, TABLE), then=2),
        "precision": Row("bf16", p.dtype("inferer"), (PHANTOM, TABLE), SAFE_BF16, torch.bfloat16),
        "spatial_size": [
            Row([20, 18], p.batch_shape, (PHANTOM, TABLE), then=[20, 18]),
            Row([9, 10, 11], p.batch_shape, (PHANTOM3D,), then=[9, 10, 11]),
        ],
        "intensity_range": Row([20, 200], p.first_batch, (PHANTOM, TABLE, PHANTOM3D)),
        "aspect": [
            Row("crop", p.first_batch, (PHANTOM, TABLE)),
            Row("pad", p.first_batch, (PHANTOM, TABLE)),
        ],
        "jpeg_scaling": [
            Row(True, p.first_batch, base={"dataset_dir": "{grey_jpegs}"}),
            Row(True, p.first_batch, (TABLE,), {"dataset_dir": "{colour_jpegs}"}),
        ],
        "orientation": Row("LPS", p.first_batch, (PHANTOM3D,)),
        "spacing": Row([2.0, 2.0, 2.0], p.first_batch, (PHANTOM3D,)),
        "enlarged_size": Row([80, 80], p.batch_shape, (PATCHES,), then=[80, 80]),
        "class_names": Row(["lesion", "normal"], p.refused("run")),
        "flip_axes": Row([1], p.flipped_logits),
        "normalization": Row([], p.first_batch, (PHANTOM, TABLE)),
    },
    MANY_GPUS: {
        "device": Row(
            "meta", lambda b: next(b.get("placed_network").parameters()).device.type, then="meta"
        )
    },
}
