"""What an import of medmonai loads: nothing before it is used, and never torchvision."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import ModuleType

import pytest
from module_trees import ROOT
from room_order import rooms


def loaded_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
    )


def test_importing_the_package_is_free():
    assert not {"torch", "monai", "numpy", "matplotlib"} & loaded_after("import medmonai")


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
