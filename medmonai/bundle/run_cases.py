"""The cases of a run: written beside its results, and compared when it resumes or is evaluated."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from medmonai.atomic_files import replacing
from medmonai.data import Cohort
from medmonai.data.datalist import Listing
from medmonai.data.duplicates import case_rows
from medmonai.data.splits import csv_text, left_out_text, splits_text
from medmonai.run_files import parts_of, read_text

_LEFT_OUT = "left_out.csv"
_SPLITS = "splits.csv"
_CASES = "cases.csv"
_EVALUATED = "cases_evaluated.csv"
_TEST = "test"
_HEADER = ("split", "id", "digest")
_planned: ContextVar[Sequence[str]] = ContextVar("planned", default=())


@contextmanager
def planned_cases(digests: Sequence[str]) -> Iterator[None]:
    """Refuse, while the block runs, to train on or evaluate other cases than those of each split's
    `cohort_digest`.

    Args:
        digests: of train, validation and test; empty for any cases.
    """
    token = _planned.set(tuple(digests))
    try:
        yield
    finally:
        _planned.reset(token)


@dataclass(frozen=True)
class RunCases:
    """The cases that a run is about to use.

    Args:
        listing: the files with their splits; None for data sets with splits of their own.
        cohorts: train, validation and test, as the network sees them; may be empty.
    """

    listing: Listing | None
    cohorts: Sequence[Cohort]

    def check_planned(self, *, test_too: bool) -> None:
        """Refuse other cases than those of `planned_cases`.

        Args:
            test_too: whether the test cases are those that are evaluated.

        Raises:
            ValueError: they differ.
        """
        planned = _planned.get()
        unknown = [digest for _, case, digest in self._rows if not case]
        if len(planned) == len(unknown) and any(
            a != b for a, b in list(zip(planned, unknown))[: None if test_too else -1]
        ):
            raise ValueError(
                "the images or labels are not those that the study was planned with: some were "
                "replaced since. Start the study again: it plans its cells for the images as they "
                "are now."
            )

    def check(self, folder: Path, *, test_too: bool = True) -> None:
        """Compare cases and splits with splits.csv of the run folder, and images with its
        cases.csv.

        Args:
            folder: the run folder.
            test_too: whether the test cases must be those of the training. If an evaluation chose
                others, they must be those that it was opened with.

        Raises:
            ValueError: the first case that differs.
        """
        self._check_splits(folder)
        self._compare(
            folder / _CASES, [c.split for c in self.cohorts if test_too or c.split != _TEST]
        )
        self._compare(folder / _EVALUATED, [_TEST])

    def _compare(self, path: Path, splits: Sequence[str]) -> None:
        old = _read_cases(path)
        rows = self._rows if old else []
        changed = [
            (split, case)
            for split, case, digest in rows
            if split in splits and old.get((split, case), digest) != digest
        ]
        if changed:
            raise ValueError(
                f"{self._words(changed)} not what {path} has: replaced, or read otherwise, since "
                "this run began. Put the files back, or use another --output_dir."
            )

    def _words(self, changed: Sequence[tuple[str, str]]) -> str:
        name = self.cohorts[0].provenance.name
        cases = [case for _, case in changed if case]
        if not cases:
            return f"{name}: the {changed[0][0]} cases are"
        return (
            f"{name}: {len(cases)} images are, first {cases[0]!r},"
            if len(cases) > 1
            else f"{name}: image {cases[0]!r} is"
        )

    @cached_property
    def _rows(self) -> list[tuple[str, str, str]]:
        return case_rows(self.cohorts, each_case=self.listing is not None)

    def _check_splits(self, folder: Path) -> None:
        if self.listing is None or not (folder / _SPLITS).is_file():
            return
        old = read_text(folder / _SPLITS).splitlines()
        new = splits_text(self.listing).splitlines()
        if old != new:
            first = sorted(set(old) ^ set(new) or set(new))[0].split(",")[0]
            name = self.listing.provenance.name
            raise ValueError(
                f"{name}: cases or splits are not those of {folder.name}/splits.csv (first: "
                f"{first!r}); put the files back, or train again with another --output_dir."
            )

    def write(self, folder: Path, *, test_too: bool = True) -> None:
        """Write splits.csv, left_out.csv and cases.csv into a run folder, unless they are there
        already.

        Args:
            folder: the run folder.
            test_too: whether the test cases are those of the training; others are written to
                cases_evaluated.csv.
        """
        if self.listing is not None and not (folder / _SPLITS).is_file():
            _write(left_out_text(self.listing), folder / _LEFT_OUT)
            _write(splits_text(self.listing), folder / _SPLITS)
        path = folder / (_CASES if test_too else _EVALUATED)
        if self.cohorts and not path.is_file():
            _write(csv_text([_HEADER, *self._rows]), path)


def remove_cases(folder: Path) -> None:
    """Remove what `RunCases.write` wrote, for a folder that another run takes over."""
    for name in (_LEFT_OUT, _SPLITS, _CASES, _EVALUATED):
        (folder / name).unlink(missing_ok=True)


def _write(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def _read_cases(path: Path) -> dict[tuple[str, str], str]:
    if not path.is_file():
        return {}
    text = read_text(path)
    with parts_of(path):
        rows = list(csv.reader(io.StringIO(text)))
        if not rows or tuple(rows[0]) != _HEADER:
            raise ValueError(f"it does not begin with {','.join(_HEADER)}")
        return {(split, case): digest for split, case, digest in rows[1:]}
