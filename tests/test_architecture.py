"""The plan of the house, checked on the syntax tree: import directions, cycles, and sizes."""

from __future__ import annotations

import ast

import pytest
from module_trees import MODULES, PACKAGE, ROOT, dotted, found, imports, of_module
from room_order import INNER_ROOMS, ROOMS, wrong_directions, wrong_inner_directions

MOST_MODULES = 12  # of an inner room
MOST_PARAMETERS = 8  # of a function, without self; results may have more fields
# Functions that have more, and why.
MANY_PARAMETERS = {
    "medmonai.optimizers.pesg.PESG.__init__": "LibAUC's own arguments, by LibAUC's names",
    "medmonai.networks.transfer.transfer_network": "MONAI's in_channels, num_classes and "
    "spatial_dims, which every bundle fills in, beside what a person chooses",
    "medmonai.report.evaluation_of_files.evaluate_files": "the options of `medmonai evaluate`",
    "medmonai.report.comparison_of_files.compare_files": "the options of `medmonai compare`",
    "medmonai.command_line.dicom_node.dicom_node": "the options of `medmonai dicom-node`",
}
MODULE_LINES, FUNCTION_LINES = 300, 50


def cycle(graph):
    """One cycle of module names, or None."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        path.append(name)
        found = next(filter(None, map(visit, sorted(graph.get(name, ())))), None)
        path.pop()
        done.add(name)
        return found

    return next(filter(None, map(visit, sorted(graph))), None)


def code_lines(function):
    """Lines of a function without its docstring."""
    first = function.body[0]
    docstring = first if ast.get_docstring(function, clean=False) is not None else None
    return (
        function.end_lineno
        - function.lineno
        + 1
        - (docstring.end_lineno - docstring.lineno + 1 if docstring else 0)
    )


def oversized(name, text, tree):
    """Modules and functions that have grown beyond one concept."""
    lines = len(text.splitlines())
    if lines > MODULE_LINES:
        yield f"{name} has {lines} lines; {MODULE_LINES} are allowed: split it by concept"
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and code_lines(node) > FUNCTION_LINES
        ):
            yield (
                f"{name}.{node.name} has {code_lines(node)} lines of code; {FUNCTION_LINES} are "
                "allowed"
            )


def with_many_parameters(name, tree):
    """Functions and methods with more parameters than a reader keeps in mind."""
    for owner in (tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))):
        for node in ast.iter_child_nodes(owner):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            named = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
            count = len(named) + len(node.args.kwonlyargs) - (named[:1] in (["self"], ["cls"]))
            full = ".".join([name, *([owner.name] if owner is not tree else []), node.name])
            if count > MOST_PARAMETERS and full not in MANY_PARAMETERS:
                yield f"{full} has {count} parameters; {MOST_PARAMETERS} are allowed: group them"


def test_rooms_import_only_to_the_right():
    faults = [
        fault
        for path, text in PACKAGE.items()
        for fault in wrong_directions(
            dotted(path), ast.parse(text), is_package=path.name == "__init__.py"
        )
    ]
    assert not faults, "\n".join(faults)
    unknown = {name.split(".")[1] for name in MODULES if "." in name} - set(ROOMS)
    assert not unknown, f"rooms without a place in the order: {unknown}"


def test_inner_rooms_import_only_to_the_right_and_through_faces():
    faults = [
        fault
        for path, text in PACKAGE.items()
        for fault in wrong_inner_directions(dotted(path), ast.parse(text))
    ]
    assert not faults, "\n".join(faults)
    for room, order in INNER_ROOMS.items():
        folders = {
            path.name: path
            for path in (ROOT / "medmonai" / room).iterdir()
            if (path / "__init__.py").is_file()
        }
        assert set(folders) == set(order)
        sizes = {name: len(list(path.glob("*.py"))) - 1 for name, path in folders.items()}
        assert max(sizes.values()) <= MOST_MODULES, f"divide these rooms: {sizes}"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("medmonai.data.cohort", "from .files import read_picture"),
        ("medmonai.data.formats.volumes", "from medmonai.data.decoding import load_images"),
        ("medmonai.data.decoding.images", "from medmonai.data.formats.nifti import read_nifti"),
        ("medmonai.data.decoding.images", "from medmonai.data.formats import volumes"),
        ("medmonai.data.decoding.images", "from ..audit import check"),
        ("medmonai.data.files", "from ..audit import check"),
    ],
)
def test_wrong_inner_directions_are_seen(name, code):
    assert list(wrong_inner_directions(name, ast.parse(code)))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("medmonai.data", "from .audit.leakage import require_no_leakage"),
        ("medmonai.data.decoding.images", "from medmonai.data.files import read_nifti"),
        ("medmonai.data.decoding.images", "from medmonai.data.cohort import Cohort"),
        ("medmonai.data.files", "from .volumes import read_nifti"),
    ],
)
def test_right_inner_directions_pass(name, code):
    assert not list(wrong_inner_directions(name, ast.parse(code)))


def test_no_import_cycles():
    graph = {}
    for path, text in PACKAGE.items():
        name = dotted(path)
        targets = imports(name, ast.parse(text), is_package=path.name == "__init__.py")
        inside = {
            of_module(target, MODULES) for target in targets if target.startswith("medmonai.")
        }
        graph[name] = inside - {"medmonai", name}
    loop = cycle(graph)
    assert loop is None, " -> ".join(loop)


def test_sizes():
    faults = [
        fault
        for path, text in PACKAGE.items()
        for fault in oversized(dotted(path), text, ast.parse(text))
    ]
    assert not faults, "\n".join(faults)


def test_functions_have_few_parameters():
    """The parameters of the command line's functions are its options: they are not counted."""
    files = {path: text for path, text in PACKAGE.items() if "command_line" not in dotted(path)}
    faults = found(with_many_parameters, files)
    assert not faults, "\n".join(faults)


def test_many_parameters_are_seen():
    many = ", ".join("abcdefghi")
    for code, count in ((f"def f({many}): ...", 1), (f"class C:\n def f(self, {many}): ...", 1)):
        assert len(list(with_many_parameters("medmonai.x", ast.parse(code)))) == count
    fewer = ast.parse("def f(a, b, c, d, *, e, f, g, h): ...")
    assert not list(with_many_parameters("medmonai.x", fewer))


# The checks themselves: each sees the fault it is there for.


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("medmonai.metrics.x", "from medmonai.data import Cohort"),
        ("medmonai.metrics.x", "from ..visualize import roc"),
        ("medmonai.metrics.x", "from medmonai import bundle"),
        ("medmonai.metrics.x", "def f():\n    import medmonai.engines.trainer"),
        ("medmonai.task", "from .predictions import Predictions"),
        ("medmonai.new_room.x", "from medmonai.task import Task"),
    ],
)
def test_wrong_directions_are_seen(name, code):
    assert list(wrong_directions(name, ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "from medmonai.predictions import read_predictions",
        "from .ranking import auc_score",
        "from medmonai import __version__",
        "import numpy as np",
    ],
)
def test_right_directions_pass(code):
    assert not list(wrong_directions("medmonai.metrics.x", ast.parse(code)))


def test_relative_imports_of_a_package_are_resolved():
    tree = ast.parse("from .roc import roc_figure\nfrom ..task import Task")
    expected = ["medmonai.visualize.roc.roc_figure", "medmonai.task.Task"]
    assert list(imports("medmonai.visualize", tree, is_package=True)) == expected
    assert list(imports("medmonai.visualize.style", tree)) == expected


def test_cycles_are_seen():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_sizes_are_counted_without_the_docstring():
    docstring = '    """' + "\n    ".join(["text"] * 50) + '"""\n'
    for lines, faults in ((FUNCTION_LINES - 1, 0), (FUNCTION_LINES, 1)):
        text = "def f():\n" + docstring + "    x = 1\n" * lines
        assert len(list(oversized("m", text, ast.parse(text)))) == faults
    assert list(oversized("m", "\n" * (MODULE_LINES + 1), ast.parse("")))
