"""The tutorials as notebooks: each is its page; tests/test_readme.py runs the code of the pages."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
SPEC = importlib.util.spec_from_file_location("render", ROOT / "scripts" / "render_notebooks.py")
render = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(render)


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_notebook_has_not_drifted_from_its_page(page):
    text = page.read_text(encoding="utf-8")
    stored = page.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert stored == render.notebook(text), "run: python scripts/render_notebooks.py"
    assert render.LINK.search(text)[1] == f"{page.stem}.ipynb"


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_notebook_holds_all_code_and_text_of_its_page(page):
    text = page.read_text(encoding="utf-8")
    found = json.loads(render.notebook(text))
    code = ["".join(c["source"]) for c in found["cells"] if c["cell_type"] == "code"]
    assert code == [one.rstrip("\n") for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    said = "\n".join("".join(c["source"]) for c in found["cells"] if c["cell_type"] == "markdown")
    assert "```python" not in said and "notebook](" not in said
    assert {line for line in said.splitlines() if line} <= set(text.splitlines())
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in found["cells"]}) == len(found["cells"])


def test_every_notebook_has_a_page():
    made = sorted((ROOT / "docs").rglob("*.ipynb"))
    assert made == [page.with_suffix(".ipynb") for page in TUTORIALS]
