"""Seconds of the first start with a folder of pictures (decode all), of the second one, and the
memory it takes.

    OMP_NUM_THREADS=1 python -m benchmarks.first_decode [--images 400] [--size 450 600]
        [--channels 3] [--suffix .jpg] [--to 224] [--rounds 5] [--jobs 2] [--second 10000]
        [--quality 90] [--jpeg-scaling] [--wait 0]

All in one process, interleaved, after a warm-up, the files in the page cache:

- Pillow loop: what studies write; one thread opens, converts, resizes and copies each picture into
  an array.
- Pillow's decoder, bare: the same files opened and decoded, nothing else, on as many threads as
  `load_listing` uses: the limit for anything that decodes with Pillow. OpenCV (full decoding, one
  thread) stands beside it where it is installed.
- load_listing: decoded, resized, and written to the cache; listing, hashing and Cohorts included.
- With --jpeg-scaling, load_listing also with jpeg_scaling=True, beside the bare decoder at the same
  scale: Pillow's `draft` to twice the wanted size.

"Cores free" is what hashing gains from as many threads: where other work takes a core, no ratio
above it can be seen. With --wait, a time counts only if 0.85 of the cores were free right before
and right after it, else it is taken again, for so many seconds in all; what was still disturbed
then is counted and said.

Peak memory is that of a process of its own, with n pictures and with 4 n: what grows with the files
would show.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PIL
from PIL import features

from benchmarks.decoders import bare_decoder, opencv_loop, pillow_loop
from benchmarks.drawn_pictures import write_pictures
from medmonai.data import ImageForm, list_class_folders, load_listing
from medmonai.data.splits import split_listing

BARE = "Pillow's decoder, bare"
OURS = "load_listing"


def load(
    root: Path, cache: Path, to: int, channels: int, jobs: int, *, scaling: bool = False
) -> None:
    listing = split_listing(list_class_folders(root, name="benchmark"), min_validation=0)
    load_listing(
        listing,
        ImageForm((to, to), in_channels=channels, jpeg_scaling=scaling),
        cache_dir=cache,
        jobs=jobs,
        memory_limit=0,
    )


def first_start(root: Path, to: int, channels: int, jobs: int, *, scaling: int = 0) -> None:
    with tempfile.TemporaryDirectory() as cache:
        load(root, Path(cache), to, channels, jobs, scaling=bool(scaling))


def peak_memory(root: Path, to: int, channels: int, jobs: int, *, scaling: bool) -> float:
    """Return MB of a process that does the first start, and ends."""
    code = (
        "import sys; from pathlib import Path; from benchmarks.first_decode import first_start, "
        "peak; first_start(Path(sys.argv[1]), *map(int, sys.argv[2:5]), scaling=int(sys.argv[5])); "
        "print(peak())"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            str(root),
            str(to),
            str(channels),
            str(jobs),
            str(int(scaling)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[-1])


def peak() -> float:
    """Return the peak of this process in MB; getrusage's would be that of the process that started
    it, if that is higher.
    """
    held = next(
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    return int(held.split()[1]) / 1024


def cores_free(jobs: int, rounds: int = 3) -> float:
    """Return how many cores threads really got: hashing, which lets go of the interpreter's lock,
    on one and on all.
    """
    block = bytes(1 << 24)

    def hashing(n: int) -> float:
        with ThreadPoolExecutor(n) as pool:
            return timed(
                lambda: list(
                    pool.map(lambda _: [hashlib.sha256(block) for _ in range(8)], range(n))
                )
            )

    return statistics.median(jobs * hashing(1) / hashing(jobs) for _ in range(rounds))


def ratio(above: list[float], below: list[float]) -> str:
    """Return the median of the rounds' ratios, and their range."""
    found = [a / b for a, b in zip(above, below)]
    return f"{statistics.median(found):.2f} [{min(found):.2f}, {max(found):.2f}]"


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def second_start(n: int, jobs: int) -> float:
    """Return the seconds of the second start with n small pictures, from listing to Cohorts."""
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder), n, (32, 32), 1, ".png")
        root = Path(folder) / "source"
        cache = Path(folder) / "cache"
        load(root, cache, 28, 1, jobs)
        return statistics.median(timed(lambda: load(root, cache, 28, 1, jobs)) for _ in range(5))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument(
        "--size", type=int, nargs=2, default=(450, 600), metavar=("HEIGHT", "WIDTH")
    )
    parser.add_argument("--channels", type=int, default=3, choices=(1, 3))
    parser.add_argument("--suffix", default=".jpg")
    parser.add_argument("--quality", type=int, default=90, help="of JPEG")
    parser.add_argument("--to", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--second", type=int, default=10_000)
    parser.add_argument("--jpeg-scaling", action="store_true")
    parser.add_argument(
        "--wait", type=float, default=0, help="seconds to wait for free cores, in all"
    )
    return parser.parse_args()


def works_of(
    given: argparse.Namespace, root: Path, files: list[Path]
) -> dict[str, Callable[[], object]]:
    to = given.to
    channels = given.channels
    jobs = given.jobs
    works: dict[str, Callable[[], object]] = {
        "Pillow loop": lambda: pillow_loop(files, to, channels),
        BARE: lambda: bare_decoder(files, jobs),
        OURS: lambda: first_start(root, to, channels, jobs),
        f"{OURS}, 1 thread": lambda: first_start(root, to, channels, 1),
    }
    if given.jpeg_scaling:
        works[f"{BARE}, scaled"] = lambda: bare_decoder(files, jobs, 2 * to)
        works[f"{OURS}, scaled"] = lambda: first_start(root, to, channels, jobs, scaling=1)
        works[f"{OURS}, scaled, 1 thread"] = lambda: first_start(root, to, channels, 1, scaling=1)
    if importlib.util.find_spec("cv2"):
        works["OpenCV loop"] = lambda: opencv_loop(files, to, channels)
    else:
        print("OpenCV is not installed: skipped")
    return works


def measured(
    works: dict[str, Callable[[], object]], given: argparse.Namespace
) -> tuple[dict, dict, int]:
    """Return seconds and seconds of a core for each work and round, interleaved, after one round
    that does not count.

    And how many of them were disturbed by other work (see --wait).
    """
    seconds = {name: [] for name in works}
    cpu = {name: [] for name in works}
    disturbed = 0
    until = time.monotonic() + given.wait
    for round_number in range(given.rounds + 1):
        for name, work in works.items():
            calm = False
            while not calm:
                calm = not given.wait or cores_free(given.jobs, 1) > 0.85 * given.jobs
                before = time.process_time()
                took = timed(work)
                core = time.process_time() - before
                calm = calm and (not given.wait or cores_free(given.jobs, 1) > 0.85 * given.jobs)
                if not round_number or time.monotonic() > until:
                    break
            if round_number:
                seconds[name].append(took)
                cpu[name].append(core)
                disturbed += not calm
    return seconds, cpu, disturbed


def main() -> None:
    given = parsed()
    with tempfile.TemporaryDirectory() as folder:
        drawing = tuple(given.size), given.channels, given.suffix
        files = write_pictures(Path(folder), given.images, *drawing, quality=given.quality)
        root = Path(folder) / "source"
        jobs = given.jobs
        free = [cores_free(given.jobs)]
        seconds, cpu, disturbed = measured(works_of(given, root, files), given)
        free.append(cores_free(jobs))
        print(
            f"{given.images} pictures {given.suffix} of {given.size[0]} x {given.size[1]} x "
            f"{given.channels} ({files[0].stat().st_size / 1e3:.0f} kB), to {given.to}; "
            f"{jobs} threads, {free[0]:.1f} cores free before and {free[1]:.1f} after; "
            f"{platform.machine()}, Python {platform.python_version()}, Pillow {PIL.__version__}, "
            f"libjpeg-turbo {features.version('libjpeg_turbo')}; median of {given.rounds} rounds "
            "[range]"
            + (f"; {disturbed} times taken while cores were not free" if given.wait else "")
        )
        for name, values in seconds.items():
            wall, low, high, core = (
                1000 * value / given.images
                for value in (
                    statistics.median(values),
                    min(values),
                    max(values),
                    statistics.median(cpu[name]),
                )
            )
            print(
                f"{name:34s} {wall:6.2f} ms a picture [{low:.2f}, {high:.2f}], {core:.2f} ms of a "
                f"core; {ratio(seconds['Pillow loop'], values)} times as fast as the Pillow loop"
            )
        for end in ("", ", scaled")[: 1 + given.jpeg_scaling]:
            print(
                f"{OURS}{end} / bare decoder{end}: "
                f"{ratio(seconds[OURS + end], seconds[BARE + end])}"
            )
        small = peak_memory(root, given.to, given.channels, jobs, scaling=given.jpeg_scaling)
        write_pictures(Path(folder), 4 * given.images, *drawing, quality=given.quality)
        large = peak_memory(root, given.to, given.channels, jobs, scaling=given.jpeg_scaling)
        print(
            f"peak memory: {small:.0f} MB with {given.images} pictures, {large:.0f} MB with "
            f"{4 * given.images}"
        )
    if given.second:
        print(f"second start, {given.second} pictures: {second_start(given.second, jobs):.2f} s")


if __name__ == "__main__":
    main()
