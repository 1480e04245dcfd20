"""The plan of the house, checked on the syntax tree: import direction, sizes, names, and what is
never done.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
# A room may import itself and the rooms to its right. A room that is not listed fails: give it a
# place.
ROOMS = (
    "__main__",
    "command_line",
    "commands",
    "run_results",
    "planning",
    "studies",
    "deployment",
    "bundle",
    "report",
    "baselines",
    "engines",
    "handlers",
    "visualize",
    "data",
    "transforms",
    "networks",
    "losses",
    "optimizers",
    "metrics",
    "predictions",
    "tables",
    "task",
    "distributed",
    "run_files",
    "notebook",
    "claims",
    "atomic_files",
    "processes",
    "config_text",
    "text_files",
    "shipped",
    "nearest",
    "errors",
)
# Rooms within a room, in the same order. The modules beside them, the ground floor, import none of
# them.
INNER_ROOMS = {
    "data": (
        "audit",
        "describe",
        "decoding",
        "splits",
        "duplicates",
        "sources",
        "tables",
        "files",
        "formats",
        "cache",
        "containers",
    ),
    "metrics": ("comparison", "decisions", "calibration", "ranking"),
}
MOST_MODULES = 12  # of an inner room
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "core", "base"}
MOST_PARAMETERS = 8  # of a function, without self; results may have more fields
# Functions that have more, and why.
MANY_PARAMETERS = {
    "medmonai.optimizers.pesg.PESG.__init__": "LibAUC's own arguments, by LibAUC's names",
    "medmonai.networks.transfer.transfer_network": "MONAI's in_channels, num_classes and "
    "spatial_dims, which every bundle fills in, beside what a person chooses",
    "medmonai.report.evaluation_of_files.evaluate_files": "the options of `medmonai evaluate`",
    "medmonai.report.comparison_of_files.compare_files": "the options of `medmonai compare`",
}
# Names that two rooms may define, and why.
SHARED_NAMES = {
    "evaluate": "medmonai.evaluate is the door to report.evaluate",
    "Card": "a card is one of a notebook or one of a page",
    "number": "a number as a notebook shows it, and as a page does",
    "one_line": "one line of an error, and one line of a repr",
    "escaped": "LaTeX's marks in report, MONAI's in config_text",
}
MOST_FOUND = 30  # variables called `found`, in all of medmonai: name what it is
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal"}
MODULE_LINES, FUNCTION_LINES = 300, 50


def sources(*folders):
    return {
        path: path.read_text(encoding="utf-8")
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def with_stub(path, text):
    """A room imports its public names when they are used; which ones they are stands in its
    __init__.pyi.
    """
    stub = path.with_suffix(".pyi")
    return f"{text}\n{stub.read_text(encoding='utf-8')}" if stub.is_file() else text


PACKAGE = {path: with_stub(path, text) for path, text in sources("medmonai").items()}
ALL_CODE = {**PACKAGE, **sources("scripts", "benchmarks", "bundles")}


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path) for path in PACKAGE}


def imports(name, tree, *, is_package=False, top_level_only=False):
    """Full names that a module imports: `from a.b import c` gives a.b.c; relative ones are
    resolved.
    """
    for node in at_import(tree) if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")
            above = above[: len(above) - node.level + is_package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def at_import(node):
    """Every node that runs when the module is imported: all but the insides of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from at_import(child)


def of_module(full_name, modules):
    """The module that `full_name` belongs to: itself, or the longest prefix that is a module."""
    while full_name and full_name not in modules:
        full_name = full_name.rpartition(".")[0]
    return full_name


def wrong_directions(name, tree, *, is_package=False):
    """Imports of rooms that are not to the right of the module's own room."""
    room = [*name.split("."), ""][1]
    for target in imports(name, tree, is_package=is_package):
        parts = target.split(".")
        if (
            parts[0] != "medmonai"
            or len(parts) == 1
            or parts[1] == room
            or parts[1].startswith("__version")
        ):
            continue
        if room not in ROOMS or parts[1] not in ROOMS or ROOMS.index(parts[1]) < ROOMS.index(room):
            yield f"{name} imports {target}"


def wrong_inner_directions(name, tree):
    """Imports of inner rooms that are not to the right of the module's own, or past the face of
    another one.
    """
    _, room, inner, *_ = [*name.split("."), "", ""]
    order = INNER_ROOMS.get(room, ())
    if inner not in order and name == f"medmonai.{room}":
        return  # the face of the whole room names what is in each
    for target in imports(name, tree, is_package=name.endswith(f".{inner}") and inner in order):
        parts = target.split(".")
        if (
            parts[:2] != ["medmonai", room]
            or len(parts) < 3
            or parts[2] == inner
            or parts[2] not in order
        ):
            continue
        if inner not in order or order.index(parts[2]) < order.index(inner):
            yield f"{name} imports {target}"
        elif len(parts) != 4 or target in MODULES:
            yield f"{name} imports {target}: only what medmonai.{room}.{parts[2]} names itself"


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


def foreign_imports(name, tree):
    """torchvision or pyplot where it matters, and parts of LibAUC that import torchvision or
    plot.
    """
    for target in imports(name, tree):
        if target.split(".")[0] == "libauc" and target.split(".")[1:2] not in (
            ["optimizers"],
            ["losses"],
        ):
            yield f"{name} imports {target}: only libauc.optimizers and libauc.losses"
        if target.startswith(("matplotlib.pyplot", "pylab")):
            yield f"{name} imports {target}: pyplot keeps state"
    for target in imports(name, tree, top_level_only=True):
        if target.split(".")[0] == "torchvision":
            yield f"{name} imports {target} when it is imported: it fails beside a CPU-only torch"


def unsafe(name, tree):
    """Unpickling in any form, and archives unpacked blindly."""
    for target in imports(name, tree):
        if target.split(".")[0] in PICKLES or target in ("joblib.dump", "joblib.load"):
            yield f"{name} imports {target}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in ("extractall", "unpack_archive") or (
                owner == "joblib" and node.attr in ("dump", "load")
            ):
                yield f"{name}:{node.lineno} uses {node.attr}"
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            for option, safe in (("allow_pickle", False), ("weights_only", True)):
                value = given.get(option)
                if value is not None and not (
                    isinstance(value, ast.Constant) and value.value is safe
                ):
                    yield f"{name}:{node.lineno} {option} is not {safe}"
            if ast.unparse(node.func) == "torch.load" and "weights_only" not in given:
                yield f"{name}:{node.lineno} torch.load without weights_only=True"


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


def found(check, files=PACKAGE):
    """What `check(name, tree)` says about each file."""
    return [fault for path, text in files.items() for fault in check(dotted(path), ast.parse(text))]


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


def test_foreign_imports():
    faults = found(foreign_imports)
    assert not faults, "\n".join(faults)


def test_nothing_is_unpickled():
    faults = found(unsafe, ALL_CODE)
    for path in sorted((ROOT / "bundles").rglob("*.json")):
        text = path.read_text(encoding="utf-8").replace(" ", "")
        faults += [
            f"{path.relative_to(ROOT)} has {word}"
            for word in (
                "allow_pickle=True",
                "weights_only=False",
                '"allow_pickle":true',
                '"weights_only":false',
                "pickle.",
            )
            if word in text
        ]
    assert not faults, "\n".join(faults)


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


def classes_and_functions(files):
    """Every class, and every public function of a module, with the rooms that define it. The
    command line's functions are named like what they call.
    """
    classes, functions = {}, {}
    for path, text in files.items():
        name, tree = dotted(path), ast.parse(text)
        if "command_line" in name or name == "medmonai.__main__":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(name)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                functions.setdefault(node.name, set()).add(name.split(".")[1])
    return classes, functions


def test_one_word_means_one_thing():
    classes, functions = classes_and_functions(PACKAGE)
    double = {name: where for name, where in classes.items() if len(where) > 1}
    double |= {name: where for name, where in functions.items() if len(where) > 1}
    double = {name: where for name, where in double.items() if name not in SHARED_NAMES}
    assert not double, "\n".join(f"{name} is defined in {where}" for name, where in double.items())


def test_a_second_thing_of_one_name_is_seen():
    there = {ROOT / "medmonai" / room / "x.py": "class A: ...\ndef f(): ..." for room in "ab"}
    assert classes_and_functions(there) == (
        {"A": ["medmonai.a.x", "medmonai.b.x"]},
        {"f": {"a", "b"}},
    )


def test_variables_are_named_after_what_they_hold():
    places = [
        dotted(path)
        for path, text in PACKAGE.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Name) and node.id == "found" and isinstance(node.ctx, ast.Store)
    ]
    assert len(places) < MOST_FOUND, f"{len(places)} variables are called found: {places}"


def test_names_say_what_is_inside():
    faults = [
        path.relative_to(ROOT)
        for path in PACKAGE
        if FORBIDDEN_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)
    ]
    assert not faults, f"name these modules after a concept: {faults}"


def test_every_module_has_a_docstring_and_lazy_annotations():
    faults = []
    for path, text in PACKAGE.items():
        tree = ast.parse(text)
        if not ast.get_docstring(tree):
            faults.append(f"{dotted(path)} has no docstring")
        if path.name != "__init__.py" and "__future__.annotations" not in imports(
            dotted(path), tree
        ):
            faults.append(f"{dotted(path)} lacks from __future__ import annotations")
    assert not faults, "\n".join(faults)


def test_each_room_lists_its_public_names():
    faults = []
    for path, text in PACKAGE.items():
        if path.name != "__init__.py" or path.parent.name == "medmonai":
            continue
        tree, name = ast.parse(text), dotted(path)
        listed = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ]
        named = {target.rpartition(".")[2] for target in imports(name, tree, is_package=True)} - {
            "lazy_loader"
        }
        if not listed or set(listed[0]) != named:
            faults.append(
                f"{name}: __all__ differs from what it imports: "
                f"{named.symmetric_difference(*listed)}"
            )
        faults += [
            f"{name} imports {target}: only its own modules"
            for target in imports(name, tree, is_package=True)
            if not target.startswith((f"{name}.", "lazy_loader"))
        ]
    assert not faults, "\n".join(faults)


def loaded_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
    )


def test_importing_the_package_is_free():
    assert not {"torch", "monai", "numpy", "matplotlib"} & loaded_after("import medmonai")


def rooms():
    return [room for room in ROOMS if room != "__main__" and f"medmonai.{room}" in MODULES]


@pytest.mark.parametrize(
    "room", [room for room in rooms() if (ROOT / "medmonai" / room / "__init__.pyi").is_file()]
)
def test_a_room_loads_its_names_when_they_are_used(room):
    module = importlib.import_module(f"medmonai.{room}")
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        value = getattr(module, name)
        assert not isinstance(value, ModuleType) or name == "functional"
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


def test_importing_every_room_loads_no_torchvision():
    names = [
        f"from medmonai.{room} import *" for room in rooms() if (ROOT / "medmonai" / room).is_dir()
    ]
    assert "torchvision" not in loaded_after("; ".join(names))


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


CLOCKS = {
    "time",
    "monotonic",
    "perf_counter",
    "process_time",
    "time_ns",
    "monotonic_ns",
    "perf_counter_ns",
    "process_time_ns",
}
NET = 600  # seconds


def clock_limits(tree):
    """Asserts on elapsed time, and timeouts short enough to strike on a busy machine; `timeout=0`
    does not wait.
    """
    for function in (
        node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Module))
    ):
        timed = set()

        def measures(node, timed=timed):
            return any(
                (
                    isinstance(part, ast.Call)
                    and isinstance(part.func, ast.Attribute)
                    and part.func.attr in CLOCKS
                    and ast.unparse(part.func.value) == "time"
                )
                or (isinstance(part, ast.Name) and part.id in timed)
                for part in ast.walk(node)
            )

        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and measures(node.value):
                timed |= {
                    name.id
                    for target in node.targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name)
                }
            if isinstance(node, ast.Assert) and measures(node):
                yield f"line {node.lineno}: asserts on elapsed time"
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.keyword)
            and node.arg == "timeout"
            and isinstance(node.value, ast.Constant)
        ):
            if 0 < (node.value.value or 0) < NET:
                yield (
                    f"line {node.value.lineno}: timeout={node.value.value}; at least {NET}, as a "
                    "net only"
                )


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.stem)
def test_no_test_has_a_wall_clock_limit(path):
    assert not list(clock_limits(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("code", "faults"),
    [
        ("start = time.monotonic()\nwork()\nassert time.monotonic() - start < 30", 1),
        # f, and its module
        (
            (
                "def f():\n    start = time.time()\n    seconds = time.time() - start\n"
                "    assert seconds < 3"
            ),
            2,
        ),
        ("subprocess.run(x, timeout=30)", 1),
        ("subprocess.run(x, timeout=1200)", 0),
        ("lock.acquire(timeout=0)", 0),
        ("os.utime(path, (time.time() - 5,) * 2)\nassert path.exists()", 0),
        ("time.sleep(3)\nassert x", 0),
    ],
)
def test_limits_are_seen(code, faults):
    assert len(list(clock_limits(ast.parse(code)))) == faults


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


@pytest.mark.parametrize(
    ("check", "code"),
    [
        (foreign_imports, "import torchvision"),
        (
            foreign_imports,
            "try:\n    from torchvision import models\nexcept ImportError:\n    models = None",
        ),
        (foreign_imports, "class A:\n    import torchvision"),
        (foreign_imports, "from libauc.sampler import DualSampler"),
        (foreign_imports, "import libauc"),
        (foreign_imports, "def f():\n    import matplotlib.pyplot as plt"),
        (foreign_imports, "from matplotlib import pyplot as plt"),
        (unsafe, "import pickle"),
        (unsafe, "from joblib import dump"),
        (unsafe, "joblib.load('x')"),
        (unsafe, "np.load(f, allow_pickle=True)"),
        (unsafe, "np.load(f, allow_pickle=flag)"),
        (unsafe, "torch.load(f, weights_only=False)"),
        (unsafe, "torch.load(f)"),
        (unsafe, "tarfile.open(f).extractall()"),
    ],
)
def test_faults_are_seen(check, code):
    assert list(check("medmonai.x", ast.parse(code)))


@pytest.mark.parametrize(
    ("check", "code"),
    [
        (foreign_imports, "def f():\n    import torchvision"),
        (foreign_imports, "from libauc.optimizers import PESG"),
        (foreign_imports, "import libauc.losses"),
        (unsafe, "torch.load(f, weights_only=True)"),
        (unsafe, "np.load(f, allow_pickle=False)"),
        (unsafe, "from joblib import Parallel, delayed"),
    ],
)
def test_good_code_passes(check, code):
    assert not list(check("medmonai.x", ast.parse(code)))


def test_sizes_are_counted_without_the_docstring():
    docstring = '    """' + "\n    ".join(["text"] * 50) + '"""\n'
    for lines, faults in ((FUNCTION_LINES - 1, 0), (FUNCTION_LINES, 1)):
        text = "def f():\n" + docstring + "    x = 1\n" * lines
        assert len(list(oversized("m", text, ast.parse(text)))) == faults
    assert list(oversized("m", "\n" * (MODULE_LINES + 1), ast.parse("")))
