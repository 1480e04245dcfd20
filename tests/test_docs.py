"""Pages that are made from the code hold what the code has, and links lead where the site has the
page.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from medmonai.shipped import shipped_bundles

ROOT = Path(__file__).resolve().parents[1]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docs, pages = script("docs_pages"), script("docs_gallery")


def test_every_command_and_option_is_on_the_page():
    page = docs.command_line()
    source = (ROOT / "medmonai" / "__main__.py").read_text()
    functions = re.findall(r"^(?:app|data|study)\.command\(.*\)\((.+)\)$", source, re.MULTILINE)
    assert len(re.findall("^## medmonai ", page, re.MULTILINE)) == len(functions) > 8
    for words in (
        "## medmonai study run\n",
        "## medmonai data check\n",
        "--positive_class` |",
        "| `--jobs` |",
    ):
        assert words in page


def test_help_keeps_patterns_and_code():
    assert (
        docs._plain("a pattern '^([^_]+)_'\nof `a_b`\n\nx | y")
        == r"a pattern '^(\[^\_\]+)\_' of `a_b`" + "\n\n" + r"x \| y"
    )


def test_every_id_of_a_readme_is_on_the_page_with_the_bundles_that_have_it():
    page = docs.bundle_ids()
    for folder in shipped_bundles().values():
        for cell in re.findall(
            r"^\| (`.+?) \| .+ \|$", (folder / "docs" / "README.md").read_text(), re.MULTILINE
        ):
            assert f"| {cell} |" in page
    assert re.search(r"\| `train_cases` \| [^|]+ \| lesion_phantom, lesion_phantom3d \|", page)
    assert re.search(r"\| `val_interval` \| [^|]+ \| all \|", page)


def test_every_room_with_a_face_has_a_page_with_all_its_names():
    package = importlib.import_module("medmonai")
    # read through data
    rooms = {path.parent.name for path in (ROOT / "medmonai").glob("*/__init__.pyi")} - {"tables"}
    assert set(docs.ROOMS) == rooms
    for room in docs.ROOMS:
        tree = ast.parse((ROOT / "medmonai" / room / "__init__.pyi").read_text())
        named = next(
            ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
        )
        shown = re.findall(r"^::: (.+)$", docs.api(room), re.MULTILINE)
        modules = {
            name
            for name in named
            if hasattr(getattr(package, room), "__path__")
            and (ROOT / "medmonai" / room / name).is_dir()
        }
        assert {full.rpartition(".")[2] for full in shown} == set(named) - modules, room
        for full in shown:
            module = full.rpartition(".")[0]
            assert importlib.util.find_spec(module) is not None, full


def test_the_gallery_shows_every_transform_and_every_figure():
    transforms, visualize = (
        importlib.import_module("medmonai.transforms"),
        importlib.import_module("medmonai.visualize"),
    )
    every = {
        name
        for name in transforms.__all__
        if isinstance(getattr(transforms, name), type)
        and issubclass(getattr(transforms, name), transforms.BatchTransform)
    }
    shown = pages.gallery()
    assert set(pages.TRANSFORMS) == every - {"BatchTransform"}
    figures = {name for name in visualize.__all__ if name.endswith("_figure")} - {"save_figure"}
    assert {Path(name).stem for name in shown if name.endswith(".png")} == set(
        pages.TRANSFORMS
    ) | figures
    for name in (name for name in shown if name.endswith(".png")):
        page = (
            "gallery_of_figures.md" if name.endswith("_figure.png") else "gallery_of_transforms.md"
        )
        assert f"]({name})" in shown[page].decode()
        # something is drawn
        assert Image.open(io.BytesIO(shown[name])).convert("L").getextrema()[0] < 128


@pytest.mark.parametrize(
    ("source", "place", "text", "turned"),
    [
        (
            "docs/how_to/x.md",
            "how_to/x.md",
            "[a](../../SECURITY.md#part)",
            "[a](../project/SECURITY.md#part)",
        ),
        ("docs/how_to/x.md", "how_to/x.md", "[a](change_a_recipe.md)", "[a](change_a_recipe.md)"),
        (
            "README.md",
            "project/README.md",
            "![b](docs/images/report.png)",
            "![b](../images/report.png)",
        ),
        (
            "README.md",
            "project/README.md",
            "[c](CITATION.cff), [d](https://monai.io)",
            "c, [d](https://monai.io)",
        ),
        (
            "README.md",
            "project/README.md",
            "[e](docs/nothing.md) [f](nothing.md)",
            "[e](../nothing.md) [f](nothing.md)",
        ),
    ],
)
def test_links_are_turned_to_the_site(source, place, text, turned):
    assert docs.with_site_links(text, ROOT / source, place) == turned


def test_every_page_of_the_repository_is_in_the_navigation():
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    for path in (ROOT / "docs").rglob("*.md"):
        place = path.relative_to(ROOT / "docs").as_posix()
        assert place in nav or place.startswith("decisions/") or place == "reference/glossary.md", (
            place
        )


def test_the_makefile_and_pre_commit_name_what_ci_runs():
    ci, make = (ROOT / ".ci" / "run").read_text(), (ROOT / "Makefile").read_text()
    for command in ("pytest -n 2 --dist loadscope", "ruff check .", "mkdocs build"):
        assert command in ci and command in make
    ruff = next(
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line.startswith("ruff==")
    )
    assert f"rev: v{ruff.removeprefix('ruff==')}" in (ROOT / ".pre-commit-config.yaml").read_text()
    version = importlib.import_module("medmonai").__version__
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()
