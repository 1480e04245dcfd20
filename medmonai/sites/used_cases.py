"""The cases that a model has learned from or was adapted on, which no evaluation may count."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medmonai.atomic_files import replacing
from medmonai.deployment import records_of
from medmonai.run_files import parts_of, read_text

from .measured import MeasuredCases

CASES = "adapted_cases.csv"
_HEADER = ["id", "patient", "image"]


@dataclass(frozen=True)
class UsedCases:
    """What is known of the cases that a model has used.

    Args:
        ids: of the cases that it was adapted on.
        patients: of these cases, where they are known.
        images: digests of these cases' images.
        learned: digests of images and labels that its networks learned from or were chosen on.
    """

    ids: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    learned: frozenset[str] = frozenset()

    @classmethod
    def read(cls, folder: Path) -> UsedCases:
        """Read what a model folder knows: `CASES` of an adapted model, and cases.csv of its runs.

        Args:
            folder: of a fit, a run or an adapted model.
        """
        rows = list(_rows(folder / CASES, _HEADER))
        records = records_of(folder)
        paths = sorted(records.glob("members/*/cases.csv")) or [records / "cases.csv"]
        runs = [row for path in paths for row in _rows(path, ["split", "id", "digest"])]
        learned = {row["digest"] for row in runs if row["split"] != "test" and row["id"]}
        return cls(
            frozenset(row["id"] for row in rows),
            frozenset(row["patient"] for row in rows) - {""},
            frozenset(row["image"] for row in rows),
            frozenset(learned),
        )

    def found(self, cases: MeasuredCases, *, another_site: bool = False) -> dict[str, np.ndarray]:
        """Return for each reason why a case may not be counted, in words, which cases it holds for.

        Args:
            cases: that are to be evaluated.
            another_site: whether ids and patients are those of another hospital than the adaptation
                cases', so that equal ones mean nothing. Images are compared all the same.
        """
        table = cases.table
        groups = np.full(len(table), "") if table.groups is None else table.groups
        reasons = {
            "the image is one that the model was adapted on": np.isin(
                cases.images, list(self.images)
            ),
            "the model has learned from the image": np.isin(cases.digests, list(self.learned)),
        }
        if not another_site:
            reasons |= {
                "the model was adapted on a case with this id": np.isin(table.ids, list(self.ids)),
                "the model was adapted on another image of the patient": np.isin(
                    groups, list(self.patients)
                ),
            }
        return {reason: mask for reason, mask in reasons.items() if mask.any()}


def write_used(cases: MeasuredCases, folder: Path) -> None:
    """Write which cases a model was adapted on."""
    table = cases.table
    groups = [""] * len(table) if table.groups is None else table.groups.tolist()
    with (
        replacing(folder / CASES) as temporary,
        open(temporary, "w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows(zip(table.ids.tolist(), groups, cases.images.tolist()))


def _rows(path: Path, columns: list[str]) -> Iterator[dict[str, str]]:
    if not path.is_file():
        return
    with parts_of(path):
        for row in csv.DictReader(io.StringIO(read_text(path))):
            yield {column: row[column] for column in columns}
