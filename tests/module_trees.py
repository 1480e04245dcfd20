"""Every module of the project as text, by its dotted name, and what it imports."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


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


def found(check, files=PACKAGE):
    """What `check(name, tree)` says about each file."""
    return [fault for path, text in files.items() for fault in check(dotted(path), ast.parse(text))]
