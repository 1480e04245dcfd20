"""A Python in which only some packages exist, for what must run without the others."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

NEEDED = ("numpy", "onnxruntime", "PIL")


def run_isolated(code, folder, *arguments):
    """Run a program in a new Python that finds the standard library and NEEDED, and nothing else;
    return what it prints.
    """
    packages = Path(folder) / "packages"
    if not packages.is_dir():
        packages.mkdir()
        for name in NEEDED:
            found = Path(importlib.util.find_spec(name).origin).parent
            (packages / name).symlink_to(found)
            libraries = {"PIL": "pillow"}.get(name, name) + ".libs"
            if (found.parent / libraries).is_dir():
                (packages / libraries).symlink_to(found.parent / libraries)
    start = (
        f"import sys; sys.path.insert(0, {str(packages)!r}); "
        "import importlib.util; "
        "assert not any(map(importlib.util.find_spec, ('medmonai', 'monai', 'torch'))); "
        "sys.argv = sys.argv[1:]; exec(compile(open(sys.argv[0]).read(), sys.argv[0], 'exec'))"
    )
    program = Path(folder) / "program.py"
    program.write_text(code)
    # -I without the variables of this environment, -S without its packages
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, str(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
