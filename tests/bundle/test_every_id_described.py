"""Every id that a person can set has a row, a description in the README and a reader in what is
run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest
from bundle_runs import BUNDLES, RECIPES, STEPS, is_plain
from every_id_rows import EVALUATE, INFER, MANY_GPUS, ROWS, TRAIN
from monai.bundle.reference_resolver import ReferenceResolver

from medmonai.bundle import bundle_config

NAMES = sorted(RECIPES)


def content(name, file):
    return json.loads((BUNDLES / name / "configs" / file).read_text())


def ids_of(name, files):
    """The ids of the last of the files that a person sets: plain values, and what the README
    names.
    """
    said = documented(name)
    return {
        key
        for key, value in content(name, files[-1]).items()
        if key not in STEPS and (is_plain(value) or key in said)
    }


def documented(name):
    """The ids that the README explains, in the first column of its tables."""
    text = (BUNDLES / name / "docs" / "README.md").read_text()
    return set(re.findall(r"^\| `([^`|]+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_every_id_has_a_row_and_a_description(name):
    for files, rows in ROWS.items():
        ids = ids_of(name, files)
        assert ids <= set(rows), f"{files[-1]}: add a row for {ids - set(rows)}"
        # no weights are fetched
        described = {key.replace("#", "::") for key in documented(name)} | {
            "network_def::pretrained"
        }
        assert ids <= described, f"{files[-1]}: say in the README what {ids - described} is"
    assert documented(name) <= {key.replace("::", "#") for rows in ROWS.values() for key in rows}


def test_every_row_has_an_id():
    for files, rows in ROWS.items():
        known = set().union(*(content(name, files[-1]) for name in NAMES))
        assert {key.split("#")[0] for key in rows} <= known


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("files", [TRAIN, EVALUATE, INFER, MANY_GPUS], ids=lambda files: files[-1])
def test_every_id_is_reached_from_what_is_run(name, files):
    config = bundle_config(BUNDLES / name, files=files)
    left, reached = [step for step in ("initialize", "run", "finalize") if step in config], set()
    while left:
        at = left.pop()
        if at in reached:
            continue
        reached.add(at)
        for text in strings(part_of(config, at)):
            left += ReferenceResolver.match_refs_pattern(text)
    own = content(name, files[-1])
    # read by front ends, by MONAI, by the check of classes, and by other programs
    shown = {"displayable_configs", "imports", "bundle_root", "preprocessing", "postprocessing"}
    idle = {"dataset_dir"} if "phantom" in name else set()  # see its row
    assert {
        key
        for key in own
        if not any(f"{at}::".startswith(f"{key}::") or key.startswith(f"{at}::") for at in reached)
    } <= shown | idle


def part_of(config, at):
    for key in at.split("::"):
        config = config[int(key)] if isinstance(config, list) else config[key]
    return config


def strings(content):
    if isinstance(content, str):
        yield content
    for part in (
        content.values()
        if isinstance(content, Mapping)
        else content
        if isinstance(content, list)
        else ()
    ):
        yield from strings(part)
