"""Experiment tracking: the test metrics of an evaluation under names of their own, and runs that end as they ended."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .config import evaluated, merged_config
from .run_state import evaluating


def headline(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of metrics.json that a tracker shows: the test AUC with the ends of its interval, and references.

    Args:
        metrics: the content of metrics.json.

    Returns:
        test_auc, test_auc_low, test_auc_high, test_n, and the same three of each reference, as NAME_auc and so on; what is
        undefined is left out.

    Example:
        >>> auc = {"estimate": 0.9, "low": 0.8, "high": None}
        >>> headline({"splits": {"test": {"n": 50, "auc": auc}}})
        {'test_n': 50.0, 'test_auc': 0.9, 'test_auc_low': 0.8}
    """
    test = metrics["splits"]["test"]
    found = {"test_n": test.get("n")}
    tables = {"test": test, **metrics.get("references", {})}
    for name, table in tables.items():
        ends = (("", "estimate"), ("_low", "low"), ("_high", "high"))
        found |= {f"{name}_auc{suffix}": table["auc"].get(key) for suffix, key in ends}
    return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}


def trackers(*sections: str) -> list[Any]:
    """Return the MLflow handlers of sections of the config that is being evaluated; empty without `--tracking`.

    Args:
        *sections: "train" or "validate", whose handlers are looked through.
    """
    try:
        config = merged_config()
    except RuntimeError:  # called from Python: nobody tracks
        return []
    found = []
    for section in sections:
        if any(_is_tracker(handler) for handler in config.get(section, {}).get("handlers", ())):
            found += [handler for handler in evaluated(f"{section}#handlers") if type(handler).__name__ == "MLFlowHandler"]
    return found


def _is_tracker(handler: Any) -> bool:
    return isinstance(handler, Mapping) and str(handler.get("_target_", "")).endswith("MLFlowHandler")


def end_tracking(metrics: Mapping[str, Any]) -> None:
    """Log the headline of an evaluation and end the tracked run as finished. Called on rank 0."""
    for handler in trackers("validate"):
        if handler.cur_run is not None:
            handler._log_metrics(headline(metrics))
            handler.close()


@contextmanager
def tracked(*sections: str) -> Iterator[None]:
    """End the tracked runs of the sections as failed if the body raises, a KeyboardInterrupt included."""
    try:
        yield
    except BaseException:
        for handler in trackers(*sections):
            if handler.cur_run is not None:
                handler.client.set_terminated(handler.cur_run.info.run_id, "FAILED")
                handler.cur_run = None
        raise


@tracked("validate")
def evaluate_tracked(*engines: Any, output_dir: str | Path) -> None:
    """Run evaluators one after the other; if one raises, a tracked run ends as failed and the run folder is given back."""
    with evaluating(output_dir):
        for engine in engines:
            engine.run()
