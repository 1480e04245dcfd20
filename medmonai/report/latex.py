"""Tables for a paper: LaTeX with booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from medmonai.atomic_files import replacing

from .tables import Table

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def escaped(text: str) -> str:
    r"""Return text that LaTeX prints as it is, with an en dash in ranges of numbers.

    Example:
        >>> print(escaped("a_b & 5 %, 0.1 to 0.2"))
        a\_b \& 5 \%, 0.1--0.2
    """
    safe = "".join(_ESCAPES.get(character, character) for character in text)
    return re.sub(r"(?<=\d) to (?=-?\d)", "--", safe)


def latex_table(table: Table) -> str:
    r"""Return a table environment for `\usepackage{booktabs}`: caption above, first column aligned
    left, the others right.
    """
    label = re.sub("[^A-Za-z0-9_-]+", "-", table.name)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(table.caption)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
        r"\toprule",
    ]
    lines += [" & ".join(map(escaped, table.header)) + r" \\", r"\midrule"]
    # LaTeX would read a bracket at the start of a row as an argument of the line break before it.
    lines += [
        ("{}" if row[0].startswith("[") else "") + " & ".join(map(escaped, row)) + r" \\"
        for row in table.rows
    ]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def write_latex(tables: Iterable[Table], path: str | Path, *, overwrite: bool = False) -> None:
    r"""Write all tables into one file, to be read with `\input`.

    Raises:
        FileExistsError: the file exists and `overwrite` is False.
    """
    text = "% Needs \\usepackage{booktabs}. Research software: not for clinical use.\n\n"
    text += "\n".join(latex_table(table) for table in tables)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
