"""An extension of griffe, which reads the docstrings for the documentation.

"Example:" holds doctests, as "Examples:" does for griffe; tables of reStructuredText are shown as
they stand.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_TABLE = re.compile(r"^=+(?: =+)+\n.+?\n=+(?: =+)+\n.+?\n=+(?: =+)+$", re.MULTILINE | re.DOTALL)


class AsThisProjectWrites(griffe.Extension):
    """Read docstrings as this project writes them."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the text before it is parsed."""
        if obj.docstring is not None:
            text = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
            obj.docstring.value = _TABLE.sub(r"```text\n\g<0>\n```", text)
