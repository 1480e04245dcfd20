"""The images of each row of a table: one, or one for each of several columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medmonai.data.case_files import CaseFiles
from medmonai.data.class_names import is_blank
from medmonai.tables import TextTable

from .table_folders import places_of_column
from .table_paths import Bases, Place, without_folder


@dataclass(frozen=True)
class RowImages:
    """The images of a row.

    Args:
        names: one for each column, "" where the cell is blank.
        places: one for each column; None where the file does not exist.
    """

    names: tuple[str, ...]
    places: tuple[Place | None, ...]

    @property
    def found(self) -> tuple[Place, ...]:
        """The files that there are."""
        return tuple(place for place in self.places if place is not None)

    @property
    def lost(self) -> tuple[str, ...]:
        """The names whose files do not exist."""
        return tuple(
            without_folder(name)
            for name, place in zip(self.names, self.places)
            if name and not place
        )

    @property
    def is_case(self) -> bool:
        """Whether there is a file, and none is lost."""
        return bool(self.found) and not self.lost

    @property
    def files(self) -> CaseFiles:
        """The file of one column, or those of several."""
        if len(self.places) == 1:
            return self.found[0].file
        return tuple(place and place.file for place in self.places)


def images_of_rows(
    table: TextTable,
    columns: Sequence[str],
    suffix: str,
    bases: Bases,
    *,
    unclear: dict[int, str] | None = None,
) -> list[RowImages]:
    """Return the images of each row.

    Args:
        table: the table.
        columns: columns of file names or paths.
        suffix: see `places_of_column`.
        bases: see `places_of_column`.
        unclear: see `places_of_column`.
    """
    of_columns = [
        places_of_column(table, column, suffix, bases, unclear=unclear) for column in columns
    ]
    values = [table.column(column, "image_column") for column in columns]
    return [
        RowImages(
            tuple(
                name if place or not is_blank(column[row]) else ""
                for column, (name, place) in zip(values, cells)
            ),
            tuple(place for _, place in cells),
        )
        for row, cells in enumerate(zip(*(zip(*one) for one in of_columns)))
    ]


def missing_note(images: Sequence[RowImages], columns: Sequence[str]) -> str:
    """Return a sentence on how many cases lack each channel; "" if none does.

    Example:
        >>> from pathlib import Path
        >>> a, b = (Place(name, Path(name)) for name in ("a.png", "b.png"))
        >>> both, one = RowImages(("a", "b"), (a, b)), RowImages(("a", ""), (a, None))
        >>> missing_note([both, one], ["t1", "t2"])
        'Missing channels: t2 in 1 of 2 cases.'
    """
    lacking = [sum(row.places[number] is None for row in images) for number in range(len(columns))]
    parts = [f"{column} in {n}" for column, n in zip(columns, lacking) if n]
    return f"Missing channels: {', '.join(parts)} of {len(images)} cases." if parts else ""
