"""Image folders as named on a command line: relative to the working directory, like every path
there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger("medmonai.data")


def command_line_folders(named: str | Sequence[str], *, option: str, beside: Path) -> list[str]:
    """Return the absolute paths of image folders; `*` in the last part of a path matches several.

    A path is relative to the working directory. If it does not exist there, it is looked up in the
    table's folder, with a warning. A path that exists in both is refused, unless it begins with a
    dot ("./images").

    Args:
        named: a folder, several separated by commas, or a list of them.
        option: the option as typed, for messages.
        beside: the table's folder.

    Raises:
        FileNotFoundError: a folder that exists in neither place.
        ValueError: a folder that exists in both.
    """
    words = list(named)
    if isinstance(named, str):
        words = [named] if Path(named).expanduser().is_dir() else named.split(",")
    return list(
        dict.fromkeys(folder for word in words for folder in _folders(word, option, beside))
    )


def _folders(word: str, option: str, beside: Path) -> list[str]:
    path = Path(word).expanduser()
    here = _fitting(path)
    there = [] if word.startswith(".") or path.is_absolute() else _fitting(beside / path)
    if (
        here
        and there
        and [folder.resolve() for folder in here] != [folder.resolve() for folder in there]
    ):
        raise ValueError(
            f"--{option} {word!r} is {here[0]} in the working directory and {there[0]} beside the "
            f"table; write './{word}' for the first, or the whole path of the other."
        )
    if not here and there:
        logger.warning(
            "--%s %r is not in the working directory; %s beside the table was taken.",
            option,
            word,
            there[0],
        )
    if not here and not there:
        raise FileNotFoundError(
            f"--{option}: {word!r} is not a folder; the path is relative to the working directory, "
            f"{Path.cwd()}."
        )
    return list(map(str, here or there))


def _fitting(path: Path) -> list[Path]:
    paths = sorted(path.parent.glob(path.name)) if "*" in path.name else [path]
    return [folder.absolute() for folder in paths if folder.is_dir()]
