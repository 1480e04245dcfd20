"""How to repeat a run: what its files say about commands, versions and the config."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from medmonai.config_text import unescaped

from .fit_section import fit_command
from .page import TextBlock
from .run_sections import part_of

_FLAG = "other_hospital"  # of the options of an evaluation, the only one without a value
# Ids of a config that only say where things lie: no use to a reader, and often private.
_PLACES = ("output_dir", "dataset_dir", "bundle_root", "ckpt_path")


def repeat_part(folder: Path) -> dict[str, Any]:
    """Return commands, versions, checksums and the config that repeat a run or an evaluation."""
    parts = [
        part_of(folder / "fit.json", fit_command),
        part_of(folder / "evaluation.json", _evaluated),
        part_of(folder / "test_opened.json", _opened),
        part_of(
            folder / "config.json",
            partial(_as_run, evaluated=(folder / "evaluate_config.json").is_file()),
        ),
    ]
    return {
        name: tuple(one for part in parts for one in part.get(name, ()))
        for name in ("facts", "blocks")
    }


def _evaluated(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    facts = []
    blocks = []
    if evaluation:
        tables = evaluation["tables"]
        command = ["python", "-m", "medmonai", "evaluate", tables["test"]["file"]]
        for name, one in tables.items():
            command += [f"--{name}", one["file"]] if name != "test" else []
        if "model" in evaluation:
            command += ["--model", PurePosixPath(evaluation["model"]).name]
        for name, value in evaluation["options"].items():
            command += _option(name, value)
        facts += [
            f"{name} table {one['file']}: SHA-256 {one['sha256']}" for name, one in tables.items()
        ]
        facts.append(
            "Evaluated with "
            + ", ".join(f"{name} {version}" for name, version in evaluation["versions"].items())
        )
        blocks.append(
            TextBlock(
                "Command that repeats the evaluation (NEW: an empty folder)",
                shlex.join([*command, "--output", "NEW"]),
            )
        )
    return {"facts": facts, "blocks": blocks}


def _option(name: str, value: Any) -> list[str]:
    if name == _FLAG:
        return ["--other-hospital"] if value else []
    return [f"--{name}", str(value)] if value != "" else []


def _opened(opened: Mapping[str, Any]) -> dict[str, Any]:
    facts = []
    if opened:
        versions = ", ".join(f"{name} {version}" for name, version in opened["versions"].items())
        facts += [
            f"Versions: {versions}",
            f"Revision of the code: {opened['git_revision']}",
            f"The test split was opened on {opened['opened']} (UTC) with the checkpoint of SHA-256 "
            f"{opened['checkpoint_sha256']}.",
        ]
    return {"facts": facts}


def _as_run(config: Mapping[str, Any], *, evaluated: bool) -> dict[str, Any]:
    blocks = []
    if config:
        shown = _without_folders({**config, **{name: "..." for name in _PLACES if name in config}})
        commands = ["python -m monai.bundle run --config_file RUN/config.json --output_dir NEW"]
        if evaluated:
            commands.append(
                "python -m monai.bundle run --config_file RUN/evaluate_config.json --output_dir NEW"
            )
        blocks += [
            TextBlock(
                "Commands that repeat the run (RUN: this folder; NEW: an empty folder)",
                "\n".join(commands),
            ),
            TextBlock("The whole config, as it was run", json.dumps(shown, indent=2), folded=True),
        ]
    return {"blocks": blocks}


def _without_folders(content: Any) -> Any:
    """Return a config in which every absolute path, such as that of a cache, is cut to its last
    part.
    """
    if isinstance(content, Mapping):
        return {name: _without_folders(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_without_folders(value) for value in content]
    if isinstance(content, str):
        content = unescaped(content)
        path = next(
            (
                kind(content)
                for kind in (PurePosixPath, PureWindowsPath)
                if kind(content).is_absolute()
            ),
            None,
        )
        path = PurePosixPath(content) if content.startswith("~") else path
        return content if path is None else f".../{path.name}"
    return content
