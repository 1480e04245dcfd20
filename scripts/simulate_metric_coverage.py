"""Simulate how often intervals other than the AUC's hold the truth:
docs/results/metric_interval_coverage.csv and its page.

Run it with OMP_NUM_THREADS=1: all cells take about half an hour on one core. The CSV is written
again, as a whole, after each cell; the same command again goes on with the cells that it lacks
(--again: with all). With --tables-only it renews the page's tables from the CSV and simulates
nothing.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

from metric_coverage.cells import FIELDS, Cell, all_cells
from metric_coverage.page import fill

from medmonai.atomic_files import replacing
from medmonai.errors import run_in_words

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "results"
CSV = FOLDER / "metric_interval_coverage.csv"
PAGE = FOLDER / "metric_intervals.md"


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV of this study; none where there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(rows: list[dict[str, str]], path: Path) -> None:
    """Write the rows in the order of the cells, whole or not at all."""
    place = {cell.key: number for number, cell in enumerate(all_cells())}
    ordered = sorted(rows, key=lambda row: place[row["study"], row["population"]])
    with (
        replacing(path, overwrite=True) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)


def simulate(
    path: Path, cells: list[Cell], *, repetitions: int | None = None, again: bool = False
) -> None:
    """Simulate the cells that the CSV lacks (again: all of these) and put each in as soon as it is
    done.
    """
    known = {cell.key for cell in all_cells()}
    rows = [row for row in read_rows(path) if (row["study"], row["population"]) in known]
    done = {(row["study"], row["population"]) for row in rows}
    missing = [cell for cell in cells if again or cell.key not in done]
    for number, cell in enumerate(missing, start=1):
        start = time.process_time()
        found = cell.rows(repetitions=repetitions)
        rows = [row for row in rows if (row["study"], row["population"]) != cell.key] + found
        write_rows(rows, path)
        print(
            f"{number}/{len(missing)}",
            *cell.key,
            f"{time.process_time() - start:.0f} s",
            flush=True,
        )


def main() -> None:
    """Run what is missing of the study and renew the tables of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions", type=int, help="data sets a cell; default 1000, or 2000 where one is quick"
    )
    parser.add_argument("--studies", nargs="+", help="only these, such as ranking; default all")
    parser.add_argument("--again", action="store_true", help="also the cells that the CSV has")
    parser.add_argument("--csv", type=Path, default=CSV)
    parser.add_argument(
        "--tables-only", action="store_true", help="no simulation: the tables again from the CSV"
    )
    options = parser.parse_args()
    if not options.tables_only:
        warnings.simplefilter("ignore")  # undefined metrics of small tables: they are counted
        cells = [
            cell for cell in all_cells() if not options.studies or cell.study in options.studies
        ]
        simulate(options.csv, cells, repetitions=options.repetitions, again=options.again)
    if options.csv == CSV:
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), read_rows(CSV)), encoding="utf-8")


if __name__ == "__main__":
    run_in_words(main)
