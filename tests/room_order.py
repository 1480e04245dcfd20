"""The rooms of medmonai in their order, and the imports that go against it."""

from __future__ import annotations

from module_trees import MODULES, imports

# A room may import itself and the rooms to its right. A room that is not listed fails: give it a
# place.
ROOMS = (
    "__main__",
    "command_line",
    "commands",
    "run_results",
    "serving",
    "sites",
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
    "serving": ("dicom_node", "node_answers", "node_queue"),
    "metrics": ("comparison", "decisions", "calibration", "ranking"),
}


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


def rooms():
    return [room for room in ROOMS if room != "__main__" and f"medmonai.{room}" in MODULES]
