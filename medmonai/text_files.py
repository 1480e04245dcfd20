"""Text files from any computer: their encoding, and JSON whose errors name line and column."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

# The longer mark first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WINDOWS = "cp1252"


def decode_text(
    content: bytes, name: str, *, encoding: str | None = None, windows: bool = True
) -> tuple[str, str]:
    """Return the text of a file, and a note if its encoding was uncertain.

    A byte order mark decides (UTF-8, UTF-16, UTF-32); without one the text is read as UTF-8, or, if
    it is not UTF-8, as cp1252, in which Excel saves "CSV" on Western Windows; a note says so.
    Latin-1 text without control characters is identical in cp1252.

    Args:
        content: bytes of the file.
        name: name of the file, for messages.
        encoding: a name that Python knows, such as "cp1250", if the above is wrong.
        windows: whether cp1252 is tried.

    Raises:
        ValueError: an unknown encoding, or text in none of these encodings.

    Example:
        >>> decode_text("Größe".encode("utf-16"), "t.csv")
        ('Größe', '')
        >>> decode_text("Größe".encode("cp1252"), "t.csv")[0]
        'Größe'
    """
    if encoding is not None:
        return _decoded_as(content, name, encoding), ""
    marked = next((known for mark, known in _MARKS if content.startswith(mark)), None)
    if marked:
        return _decoded_as(content, name, marked), ""
    if b"\0" in content:
        raise ValueError(
            f"{name} contains NUL bytes: it is not a text file, or it is UTF-16 without a byte "
            "order mark; save it as UTF-8."
        )
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if not windows:
            raise ValueError(
                f"{name}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8; save the "
                "file as UTF-8."
            ) from None
    text = _decoded_as(content, name, _WINDOWS)
    return text, (
        f"the text is not UTF-8 (line {line}) and was read as {_WINDOWS} (Western Windows); if "
        "characters look wrong, pass encoding, or save it as UTF-8."
    )


def _decoded_as(content: bytes, name: str, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except LookupError:
        raise ValueError(
            f"encoding={encoding!r} is unknown; use a name such as 'utf-8', 'utf-16', 'cp1252' or "
            "'latin-1'."
        ) from None
    except UnicodeError as error:
        raise ValueError(
            f"{name} cannot be read as {encoding} ({error}); save it as UTF-8, or pass another "
            "encoding."
        ) from None
    if "\0" in text:
        raise ValueError(
            f"{name} read as {encoding} contains NUL characters; save it as UTF-8, or pass another "
            "encoding."
        )
    return text.removeprefix("\ufeff")


def read_json_text(path: str | Path) -> Any:
    """Return the content of a JSON file written by a user: UTF-8 or UTF-16, with or without a byte
    order mark.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON; the message names the file, line and column. Also a duplicate key in
            an object: `json` would silently keep the last one.
    """
    path = Path(path)
    text, _ = decode_text(path.read_bytes(), path.name, windows=False)
    try:
        return json.loads(text, object_pairs_hook=_without_twins)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path.name}, line {error.lineno}, column {error.colno}: {error.msg}; the file is not "
            "valid JSON."
        ) from None
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply to be read.") from None
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"{next(name for name in names if names.count(name) > 1)!r} occurs twice; remove one "
            "of them."
        )
    return entries
