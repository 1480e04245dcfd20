"""Write the tutorials as notebooks: `python scripts/render_notebooks.py`.

The pages docs/tutorials/*.md are the source: their text becomes Markdown cells, and each Python
block a code cell. tests/test_notebooks.py checks that no notebook has drifted from its page.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

TUTORIALS = Path(__file__).resolve().parents[1] / "docs" / "tutorials"
# The line of a page that leads to its notebook; the notebook leaves it out.
LINK = re.compile(r"^This page is also a \[notebook\]\((\w+\.ipynb)\)\.\n\n?", re.MULTILINE)
_BLOCK = re.compile(r"```python\n(.*?)```\n?", re.DOTALL)


def notebook(page: str) -> str:
    r"""Return a page as a notebook without outputs, format 4.5.

    Args:
        page: Markdown with Python blocks.

    Example:
        >>> cells = json.loads(notebook("# Title\n\n```python\nx = 1\n```\n"))["cells"]
        >>> [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
        [('markdown', '# Title'), ('code', 'x = 1')]
    """
    parts = _BLOCK.split(LINK.sub("", page))
    cells = [
        _cell(place, text.strip(), code=place % 2 == 1)
        for place, text in enumerate(parts)
        if text.strip()
    ]
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": python, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(place: int, text: str, *, code: bool) -> dict[str, Any]:
    cell = {
        "cell_type": "code" if code else "markdown",
        "id": f"cell-{place}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return {**cell, "execution_count": None, "outputs": []} if code else cell


def main() -> None:
    """Write a notebook beside every tutorial."""
    for path in sorted(TUTORIALS.glob("*.md")):
        target = path.with_suffix(".ipynb")
        target.write_text(notebook(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(target.relative_to(TUTORIALS.parents[1]))


if __name__ == "__main__":
    main()
