"""Names in medmonai: each means one thing and says what is inside, and each room lists its own."""

from __future__ import annotations

import ast

from module_trees import PACKAGE, ROOT, dotted, imports

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "core", "base"}
# Names that two rooms may define, and why.
SHARED_NAMES = {
    "evaluate": "medmonai.evaluate is the door to report.evaluate",
    "Card": "a card is one of a notebook or one of a page",
    "number": "a number as a notebook shows it, and as a page does",
    "one_line": "one line of an error, and one line of a repr",
    "escaped": "LaTeX's marks in report, MONAI's in config_text",
}
MOST_FOUND = 30  # variables called `found`, in all of medmonai: name what it is


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
        lazy = "__future__.annotations" in imports(dotted(path), tree)
        # TorchScript reads the annotations of these as types.
        scripted = dotted(path) in ("medmonai.networks.class_logits", "medmonai.networks.ensemble")
        if path.name != "__init__.py" and not lazy and not scripted:
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
