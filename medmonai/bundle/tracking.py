"""Experiment tracking: test metrics under names of their own, and tracked runs that end finished or
failed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .config import evaluated, merged_config
from .run_state import evaluating, unevaluated


def headline(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of metrics.json that a tracker shows, with the ends of their intervals.

    Args:
        metrics: the content of metrics.json.

    Returns:
        test_n; test_auc and the other ranking metrics; decisions at the locked threshold, such as
        test_accuracy; each with _low and _high; the AUC of each reference, as NAME_auc. Undefined
        values are left out.

    Example:
        >>> auc = {"estimate": 0.9, "low": 0.8, "high": None}
        >>> headline({"splits": {"test": {"n": 50, "auc": auc}}})
        {'test_n': 50.0, 'test_auc': 0.9, 'test_auc_low': 0.8}
    """
    test = metrics["splits"]["test"]
    decisions = test.get("decisions") or {}
    overall = [
        (part or {}).get("overall") or {}
        for part in (test.get("ranking"), decisions.get("locked") or decisions.get("default"))
    ]
    tables = {f"test_{name}": table for part in overall for name, table in part.items()} | {
        "test_auc": test["auc"]
    }
    tables |= {f"{name}_auc": table["auc"] for name, table in metrics.get("references", {}).items()}
    numbers = {"test_n": test.get("n")}
    for name, table in tables.items():
        if isinstance(table, Mapping):
            numbers |= {
                f"{name}{suffix}": table.get(key)
                for suffix, key in (("", "estimate"), ("_low", "low"), ("_high", "high"))
            }
    return {
        name: float(value)
        for name, value in numbers.items()
        if isinstance(value, (int, float)) and math.isfinite(value)
    }


def trackers(*sections: str) -> list[Any]:
    """Return the MLflow handlers of sections of the config that is being evaluated; empty without
    `--tracking`.

    Args:
        *sections: "train" or "validate", whose handlers are looked through.
    """
    try:
        config = merged_config()
    except RuntimeError:  # called from Python: nothing is tracked
        return []
    handlers = []
    for section in sections:
        if any(_is_tracker(handler) for handler in config.get(section, {}).get("handlers", ())):
            handlers += [
                handler
                for handler in evaluated(f"{section}#handlers")
                if type(handler).__name__ == "MLFlowHandler"
            ]
    return handlers


def _is_tracker(handler: Any) -> bool:
    return isinstance(handler, Mapping) and str(handler.get("_target_", "")).endswith(
        "MLFlowHandler"
    )


def end_tracking(metrics: Mapping[str, Any]) -> None:
    """Log the headline of an evaluation and end the tracked run as finished. Called on rank 0."""
    for handler in trackers("validate"):
        if handler.cur_run is not None:
            handler._log_metrics(headline(metrics))
            handler.close()


@contextmanager
def tracked(*sections: str) -> Iterator[None]:
    """End the tracked runs of the sections as failed if the body raises, a KeyboardInterrupt
    included.
    """
    try:
        yield
    except BaseException:
        for handler in trackers(*sections):
            if handler.cur_run is not None:
                handler.client.set_terminated(handler.cur_run.info.run_id, "FAILED")
                handler.cur_run = None
        raise


@tracked("validate")
def evaluate_tracked(engines: Sequence[Any], *, output_dir: str | Path) -> None:
    """Run evaluators one after the other, unless the folder is evaluated already.

    If one raises, a tracked run ends as failed and the run folder is released.

    Args:
        engines: MONAI evaluators, in order.
        output_dir: the run folder.
    """
    if not unevaluated(output_dir):
        return
    with evaluating(output_dir):
        for engine in engines:
            engine.run()
