"""What README and the how-to pages say is true: commands exist, code runs, links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from medmonai.shipped import shipped_bundles, short_name

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "bundles").rglob("README.md")),
]


def test_the_readme_begins_with_two_lines_to_install_and_run_and_names_the_tests_of_ci():
    text = (ROOT / "README.md").read_text()
    blocks = [
        block.strip()
        for language, block in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
        if not language
    ]
    assert blocks[0] == "pip install -c constraints.txt .\nmedmonai run lesion_phantom"
    tests = "pytest -n 2 --dist loadscope"
    assert f"pip install -c constraints.txt -e '.[test]' && {tests}" in blocks
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith(f"\n{tests}")
    assert "PLACEHOLDER" not in text


def test_the_readme_is_read_in_three_minutes():
    assert len((ROOT / "README.md").read_text().split()) <= 700


def test_the_names_that_the_readme_lists_are_the_shipped_bundles():
    table = (ROOT / "README.md").read_text().partition("## Bundles")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall("`(.*?)`", row.split("|")[1])}
    assert listed == set(map(short_name, shipped_bundles()))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_bundles_named_on_a_page_exist(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (page.parent / target).exists(), target
    for bundle in re.findall(r"bundles/(\w+_classification)", text):
        assert (ROOT / "bundles" / bundle).is_dir(), bundle
    for path in re.findall(r"`((?:medmonai|tests|scripts|docs)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    "page", [p for p in PAGES if "```python" in p.read_text()], ids=lambda p: p.stem
)
def test_the_code_on_a_page_runs(page):
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        if '"/data"' not in block:  # a data set that only the reader has
            run_cell(block, page, names)


def run_cell(code, page, names):
    """Run a block as a notebook does: the value of a last expression is shown."""
    *body, last = ast.parse(code).body
    if not isinstance(last, ast.Expr):
        body = [*body, last]
    exec(compile(ast.Module(body, []), str(page), "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), str(page), "eval"), names)
        if page.parent.name == "tutorials" and value is not None:
            assert "<table>" in value._repr_html_(), code


def test_a_recipe_for_contributors_names_things_that_the_named_files_hold():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for names, path in re.findall(
        r"((?:`\w+`(?:, | and |))+) (?:of|in) `((?:medmonai|tests|scripts)/[\w/.]+\.py)`", text
    ):
        for name in re.findall(r"`(\w+)`", names):
            assert name in (ROOT / path).read_text(), f"{name} in {path}"


def test_research_use_is_said_where_results_are_shown():
    for page in PAGES:
        if page.name == "README.md" and page.parent.name != "decisions":
            assert "not for clinical use" in page.read_text().lower(), page
