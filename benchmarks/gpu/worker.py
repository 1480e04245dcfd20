"""One part of the GPU run in a process of its own."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
import warnings
from pathlib import Path

from .parts import PARTS
from .setting import Setting


def main() -> None:
    """Run the part and write DIR/PART.json, an error included."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--wait", action="store_true", help="import, then wait for a line")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    files = options.output / "files" / options.part
    files.mkdir(parents=True, exist_ok=True)
    setting = Setting(options.device, files, options.data, options.small)
    module, name = PARTS[options.part].function.split(":")
    began = time.perf_counter()
    try:
        work = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        if options.wait:
            sys.stdin.readline()
        began = time.perf_counter()
        found = {"result": work(setting)}
    except Exception:  # whatever it is, it is the finding
        found = {"error": traceback.format_exc().splitlines()[-14:]}
    found["seconds"] = round(time.perf_counter() - began, 1)
    (options.output / f"{options.part}.json").write_text(json.dumps(found, indent=1, default=str))


if __name__ == "__main__":
    main()
