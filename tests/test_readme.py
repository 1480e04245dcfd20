"""What README and the how-to pages say is true: commands exist, code runs, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "bundles").rglob("README.md"))]


def test_the_readme_begins_with_the_two_commands():
    commands = re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    first = "pip install -c constraints.txt -e . && python -m medmonai run bundles/lesion_phantom_classification"
    tests = "pytest -n 2 --dist loadscope"
    assert [c.strip() for c in commands[:2]] == [first, f"pip install -c constraints.txt -e '.[test]' && {tests}"]
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith(f"\n{tests}")
    assert "PLACEHOLDER" not in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_bundles_named_on_a_page_exist(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (page.parent / target).exists(), target
    for bundle in re.findall(r"bundles/(\w+_classification)", text):
        assert (ROOT / "bundles" / bundle).is_dir(), bundle


@pytest.mark.parametrize("page", [p for p in PAGES if "```python" in p.read_text()], ids=lambda p: p.stem)
def test_the_code_on_a_page_runs(page):
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        if '"/data"' not in block:  # a data set that only the reader has
            exec(compile(block, str(page), "exec"), names)


def test_research_use_is_said_where_results_are_shown():
    for page in PAGES:
        if page.name == "README.md":
            assert "not for clinical use" in page.read_text().lower(), page
