"""What is never done, checked on the syntax tree: unpickling, foreign imports where they matter,
limits in seconds.
"""

from __future__ import annotations

import ast

import pytest
from module_trees import ALL_CODE, ROOT, found, imports

PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal"}


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
