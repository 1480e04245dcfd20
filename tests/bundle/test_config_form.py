"""How the configs of the shipped bundles read: knobs first, handlers by name, no long expressions,
one table of ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from bundle_runs import BUNDLES, RECIPES, STEPS, is_plain
from monai.bundle import ConfigParser

from medmonai.bundle import bundle_config

NAMES = sorted(RECIPES)
FILES = ("train.json", "evaluate.json", "inference.json", "multi_gpu_train.json")
LONGEST = 100
# The order of the handlers of a training decides what each of them sees, and so the bits of a run.
ORDER = [
    "PESGStage",
    "WeightAverage",
    "LoaderEpoch",
    "NonFiniteGuard",
    "ValidationHandler",
    "BestEpochs",
    "HistoryWriter",
    "LrScheduleHandler",
    "Progress",
    "RegularizerDecay",
    "RunCheckpoint",
    "LossOutput",
    "EarlyStopping",
]


def configs(name: str) -> dict[str, dict[str, Any]]:
    return {file: json.loads((BUNDLES / name / "configs" / file).read_text()) for file in FILES}


def texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in (
        content.values()
        if isinstance(content, Mapping)
        else content
        if isinstance(content, list)
        else ()
    ):
        yield from texts(part)


def documented(name: str) -> dict[str, list[str]]:
    """Config -> the ids in its table of the README, in order."""
    readme = (BUNDLES / name / "docs" / "README.md").read_text()
    tables = re.split(r"^\| id of (\w+\.json) \| meaning \|$", readme, flags=re.MULTILINE)[1:]
    return {
        file: re.findall(r"^\| `([^`]+)` \| \S.* \|$", table, re.MULTILINE)
        for file, table in zip(tables[::2], tables[1::2], strict=True)
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_expression_is_long_and_none_counts_handlers(name):
    for file, config in configs(name).items():
        for text in texts(config):
            assert not text.startswith("$") or len(text) <= LONGEST, (
                f"{file}: {len(text)} characters: {text}"
            )
            assert not re.search(r"handlers(?:#|::)\d", text), f"{file}: {text}"


@pytest.mark.parametrize("name", NAMES)
def test_knobs_stand_first_and_together(name):
    for file, config in configs(name).items():
        set_by_people = [
            is_plain(value) or key in documented(name).get(file, ())
            for key, value in config.items()
            if key not in STEPS
            and key not in ("bundle_root", "output_dir", "device", "network_def::pretrained")
        ]
        assert set_by_people == sorted(set_by_people, reverse=True), file


@pytest.mark.parametrize("name", NAMES)
def test_each_table_of_ids_follows_its_config(name):
    tables, given = documented(name), configs(name)
    assert list(tables) == ["train.json", "evaluate.json", "inference.json"]
    for file, ids in tables.items():
        assert len(ids) == len(set(ids))
        top = [key for key in ids if not key.startswith("train#")]
        assert top == [
            key.replace("::", "#") for key in given[file] if key.replace("::", "#") in ids
        ]
        assert all(
            is_plain(value) <= (key.replace("::", "#") in ids)
            for key, value in given[file].items()
            if key not in STEPS and key != "network_def::pretrained"
        )
        assert all(
            ConfigParser(given["train.json"]).get(key) is not None
            for key in ids
            if key.startswith("train#")
        )


@pytest.mark.parametrize(
    "name", ["lesion_phantom_classification", "lesion_phantom3d_classification"]
)
@pytest.mark.parametrize("tracked", [False, True])
def test_handlers_act_in_their_order_and_what_a_tool_appends_acts_last(name, tracked):
    config = bundle_config(
        BUNDLES / name, {"train_cases": 64, "spatial_size": [12] * (3 if "3d" in name else 2)}
    )
    config["bundle_root"] = str(BUNDLES / name)
    if tracked:
        config["train"]["handlers"].append({"_target_": "StatsHandler"})
    handlers = ConfigParser(config).get_parsed_content("train#ordered_handlers")
    assert [type(handler).__name__ for handler in handlers] == ORDER + ["StatsHandler"] * tracked
