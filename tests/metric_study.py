"""The study of scripts/ that simulates the coverage of intervals other than the AUC's, and its
parts.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
study = importlib.import_module("simulate_metric_coverage")
cells, measures, page, populations, several, separated = (
    importlib.import_module(f"metric_coverage.{name}")
    for name in ("cells", "measures", "page", "populations", "several_classes", "separated")
)
VESSEL = populations.Binormal(43, 339, 0.95)
