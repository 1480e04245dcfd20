"""Docstrings and code agree: what ruff's D417, DOC102, DOC202 and DOC403 leave out.

Args of a class stand in its own docstring, where ruff does not compare them with the constructor;
and of what is raised, ruff has rules for every function or for none.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# The docstrings of commands are their help texts.
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "medmonai").rglob("*.py"))
    if path.parent.name != "command_line"
}
OWN_ERRORS = {
    node.name
    for tree in TREES.values()
    for node in tree.body
    if isinstance(node, ast.ClassDef) and any("Error" in ast.unparse(b) for b in node.bases)
}


def section(node, title):
    """The names that a section of a docstring explains, in order; None without the section."""
    lines = (ast.get_docstring(node) or "").splitlines()
    if f"{title}:" not in lines:
        return None
    names = []
    for line in lines[lines.index(f"{title}:") + 1 :]:
        if line and not line.startswith(" "):
            break
        if match := re.match(r"    (\*{0,2}\w[\w.]*(?:, \w[\w.]*)*):( |$)", line):
            names += match[1].split(", ")
    return names


def arguments(function):
    """The parameters of a function or a method, with the stars that their names have in Args."""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args)]
    names += [f"*{given.vararg.arg}"] if given.vararg else []
    names += [one.arg for one in given.kwonlyargs]
    names += [f"**{given.kwarg.arg}"] if given.kwarg else []
    return [name for name in names if name not in ("self", "cls")]


def constructor(node):
    """What a class is made from: the arguments of its `__init__`, the fields of a dataclass or a
    named tuple; None if another class says so.
    """
    for part in node.body:
        if isinstance(part, FUNCTIONS) and part.name == "__init__":
            return arguments(part)
    above = [ast.unparse(base) for base in (*node.decorator_list, *node.bases)]
    if not any(re.match(r"(dataclasses\.)?dataclass|NamedTuple|TypedDict", one) for one in above):
        return None
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    return [
        part.target.id
        for part in fields
        if part.target.id != "_"
        and "ClassVar" not in ast.unparse(part.annotation)
        and "init=False" not in ast.unparse(part.value or part.target)
    ]


def undocumented_arguments(tree):
    """Classes whose Args differ from what they are made from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            said, taken = section(node, "Args"), constructor(node)
            if said is not None and taken is not None and said != taken:
                yield f"{node.name}: Args explain {said}; it takes {taken}"


def parents(error):
    """Names of the builtin exceptions that one is a kind of."""
    return {above.__name__ for above in getattr(vars(builtins).get(error), "__mro__", ())}


def raised(function):
    """Names of the exceptions that a function raises itself; those of functions inside it and of
    `raise made_elsewhere(...)` are not seen.
    """
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            if name in vars(builtins) or name.endswith("Error"):
                yield name
        waiting += ast.iter_child_nodes(node)


def public_functions(node, path=""):
    for part in node.body:
        if isinstance(part, ast.ClassDef) and not part.name.startswith("_"):
            yield from public_functions(part, f"{part.name}.")
        if isinstance(part, FUNCTIONS) and not part.name.startswith("_"):
            yield path + part.name, part


def undocumented_errors(tree):
    """Public functions whose Raises lack what they raise; a function that raises in its first
    sentence ("Raise ValueError unless") says so there.
    """
    for name, function in public_functions(tree):
        text = ast.get_docstring(function) or ""
        summary = text.partition("\n\n")[0]
        said = section(function, "Raises") or ()
        for error in sorted(set(raised(function))):
            plainly = re.search(rf"\b({error}|or raise|or say)\b", summary)
            if not plainly and not {error, *parents(error)} & set(said):
                yield f"{name}: raises {error}, which Raises does not name"


def exists(name):
    """Whether a name is an exception: a builtin one, one of medmonai, or one of the library that
    stands before it (zlib.error).
    """
    library, _, error = name.rpartition(".")
    if library:
        return hasattr(importlib.import_module(library), error)
    known = vars(builtins).get(name)
    return (isinstance(known, type) and issubclass(known, BaseException)) or name in OWN_ERRORS


def unknown_errors(tree):
    """Names under Raises that are not exceptions."""
    for node in ast.walk(tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            for name in section(node, "Raises") or ():
                if not exists(name):
                    yield f"{node.name}: Raises names {name}, which does not exist"


@pytest.mark.parametrize("check", [undocumented_arguments, undocumented_errors, unknown_errors])
def test_docstrings_say_what_the_code_takes_and_raises(check):
    faults = [f"{path}: {fault}" for path, tree in TREES.items() for fault in check(tree)]
    assert not faults, "\n".join(faults)


CLASS = '@dataclass\nclass A:\n    """A.\n\n    Args:\n{}    """\n\n    x: int\n    y: int = 0\n'


@pytest.mark.parametrize(
    ("args", "faults"),
    [
        ("        x: one.\n        y: two,\n            in two lines: see.\n", 0),
        ("        x: one.\n", 1),
        ("        y: two.\n        x: one.\n", 1),
        ("        x: one.\n        y: two.\n        z: three.\n", 1),
    ],
)
def test_wrong_arguments_of_a_class_are_seen(args, faults):
    assert len(list(undocumented_arguments(ast.parse(CLASS.format(args))))) == faults


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("F.\n\n    Raises:\n        ValueError: x.\n    ", 0),
        ("F.\n\n    Raises:\n        TypeError: x.\n    ", 1),
        ("Raise ValueError unless it fits.", 0),
        ("F.", 1),
    ],
)
def test_errors_that_are_not_documented_are_seen(text, faults):
    code = f'def f(x):\n    """{text}"""\n    if x:\n        raise ValueError("x")\n'
    assert len(list(undocumented_errors(ast.parse(code)))) == faults


def test_errors_that_do_not_exist_are_seen():
    code = 'def f():\n    """F.\n\n    Raises:\n        ValeuError: x.\n    """\n'
    assert list(unknown_errors(ast.parse(code)))
