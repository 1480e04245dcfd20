"""See `benchmarks.gpu`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from . import __doc__ as described
from .commands import environment
from .parts import PARTS


def main() -> None:
    """Run the parts within the time."""
    parser = argparse.ArgumentParser(
        description=described, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--small", action="store_true", help="rehearse; the figures mean nothing")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error("torch finds no GPU here; `--device cpu --small` rehearses the run.")
    options.output.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * options.minutes
    (options.output / "machine.json").write_text(json.dumps(machine(options.device), indent=1))

    def run(part: str, worker: subprocess.Popen | None = None) -> None:
        left = until - time.monotonic()
        if left < 5:
            note(options.output, part, "not begun: the time was up")
            return
        limit = left if options.small else min(left, PARTS[part].limit)
        stop_after(limit, worker or begun(part), part, options.output)
        write_summary(options.output, options.parts)

    workers: list[subprocess.Popen[bytes]] = []

    def begun(part: str, *, wait: bool = False) -> subprocess.Popen[bytes]:
        (options.output / f"{part}.json").unlink(missing_ok=True)  # of an earlier run
        workers.append(started(part, options, wait=wait))
        return workers[-1]

    timed = [part for part in options.parts if PARTS[part].alone]
    # They import while nothing is timed yet, and then wait for their turn.
    waiting = {part: begun(part, wait=True) for part in timed}
    try:
        beside = [part for part in options.parts if part not in timed]
        cores = 1 if options.small else max(1, (os.cpu_count() or 1) // 3)
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(run, beside))
        for part, worker in waiting.items():
            run(part, worker)
    finally:
        for worker in workers:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
    write_summary(options.output, options.parts)
    print((options.output / "summary.md").read_text())


def started(
    part: str, options: argparse.Namespace, *, wait: bool = False
) -> subprocess.Popen[bytes]:
    """Start a part in a session of its own, so that what it has started can be stopped with it."""
    arguments = [part, "--output", str(options.output), "--device", options.device]
    arguments += ["--data", str(options.data.resolve())] if options.data else []
    arguments += ["--small"] if options.small else []
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gpu.worker", *arguments, *["--wait"] * wait],
        stdin=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )


def stop_after(limit: float, worker: subprocess.Popen[bytes], part: str, output: Path) -> None:
    """Let a worker go on, and stop it after its limit."""
    assert worker.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    try:
        worker.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        note(output, part, f"stopped after {limit:.0f} s")
    if not (output / f"{part}.json").is_file():
        note(output, part, "ended without a result")


def machine(device: str) -> dict[str, object]:
    """Return what the figures were measured on."""
    return {
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def note(output: Path, part: str, said: str) -> None:
    """Leave a part's result where it has none of its own."""
    (output / f"{part}.json").write_text(json.dumps({"error": [said]}))


def write_summary(output: Path, parts: list[str]) -> None:
    """Write what is there as one page."""
    lines = ["# GPU run", ""]
    lines += [f"- {key}: {value}" for key, value in _read(output / "machine.json").items()]
    for part in parts:
        found = _read(output / f"{part}.json")
        if not found:
            continue
        lines += ["", f"## {part} ({found.get('seconds', '?')} s)", ""]
        if "error" in found:
            lines += ["Failed:", "", *(f"    {line}" for line in found["error"])]
        else:
            lines += _listed(found["result"], 0)
    (output / "summary.md").write_text("\n".join(lines) + "\n")


def _read(path: Path) -> dict:
    return json.loads(path.read_text()) if path.is_file() else {}


def _listed(value: dict, depth: int) -> list[str]:
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict):
            lines += [f"{'  ' * depth}- {key}", *_listed(inner, depth + 1)]
        else:
            shown = f"{inner:.4g}" if isinstance(inner, float) else inner
            lines.append(f"{'  ' * depth}- {key}: {shown}")
    return lines


if __name__ == "__main__":
    main()
