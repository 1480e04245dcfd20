"""Recipes whose listing says no order of the classes of its own."""

from __future__ import annotations

NETWORK = {"_target_": "medmonai.networks.resnet10"}
FOLDERS = {
    "_target_": "medmonai.data.list_class_folders",
    "root": "$medmonai.data.in_dataset_dir(@dataset_dir)",
    "name": "set",
}


def recipe(names, *, task="binary", listing=FOLDERS, size=(8, 8), **more):
    """A recipe whose listing says no order of its own, unless one is given."""
    dataset = {
        "listing": listing,
        "task": task,
        "class_names": names,
        "in_channels": 1,
        "size": list(size),
        "source": "drawn",
        "splits": {"val_fraction": 0.25, "test_fraction": 0.25},
        **more,
    }
    return {"title": "t", "dataset": dataset, "network": {**NETWORK, "width": 4}}
