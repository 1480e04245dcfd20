"""Seconds that the audit of a data set takes, from images on disk (a memmap) to the findings, and
its parts.

    OMP_NUM_THREADS=1 python -m benchmarks.data_audit [--cases 100000] [--size 28] [--dims 2]
        [--rounds 5]

The images are the lesion phantom's, with 1 % of them repeated as they are and 1 % repeated brighter
and with noise, so that there is something to find; what was planted is counted at the end. The
parts are run alone, too: hashing, and the search for near duplicates. Imagehash (dHash of every
image, no comparison) stands beside it where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from medmonai.data import Cohort, audit_cohorts, lesion_phantom, near_pairs, shape_features
from medmonai.data.duplicates import image_keys


def planted_cohort(cases: int, size: int, dims: int, path: Path) -> tuple[Cohort, int]:
    """Return a phantom on disk, and how many exact and how many near duplicates were put into it
    (the same number).
    """
    cohort = lesion_phantom(split="train", spatial_size=(size,) * dims, num_cases=cases)
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=cohort.images.shape)
    images[:] = cohort.images
    rng = np.random.default_rng(0)
    planted = max(1, cases // 100)
    rows = rng.permutation(cases)[: 4 * planted].reshape(4, planted)
    images[rows[1]] = images[rows[0]]
    noisy = 0.8 * images[rows[2]] + 40 + rng.normal(0, 2, images[rows[2]].shape)
    images[rows[3]] = np.clip(np.rint(noisy), 0, 255)
    images.flush()
    return replace(cohort, images=np.load(path, mmap_mode="r", allow_pickle=False)), planted


def imagehash_of_all(images: np.ndarray) -> None:
    import imagehash
    from PIL import Image

    for image in images[:, 0]:
        imagehash.dhash(Image.fromarray(image))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--dims", type=int, default=2, choices=(2, 3))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cohort, planted = planted_cohort(
            given.cases, given.size, given.dims, Path(folder) / "images.npy"
        )
        works: dict[str, Callable[[], object]] = {
            "audit, whole": lambda: audit_cohorts([cohort]),
            "- hashes": lambda: image_keys(cohort.images),
            "- near duplicates": lambda: near_pairs(
                len(cohort), lambda rows: shape_features(cohort.images[rows])
            ),
        }
        if given.dims == 2 and importlib.util.find_spec("imagehash"):
            works["imagehash dHash, no comparison"] = lambda: imagehash_of_all(cohort.images)
        elif given.dims == 2:
            print("imagehash is not installed: skipped")
        seconds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(given.rounds):
            for name, work in works.items():
                start = time.perf_counter()
                work()
                seconds[name].append(time.perf_counter() - start)
        print(
            f"{given.cases} images of {cohort.in_channels} x {cohort.spatial_size}; "
            f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}; "
            f"median of {given.rounds} rounds [range]"
        )
        for name, values in seconds.items():
            print(
                f"{name:32s} {statistics.median(values):7.2f} s [{min(values):.2f}, "
                f"{max(values):.2f}]"
            )
        audit = audit_cohorts([cohort])
        print(
            f"planted {planted} of each; found",
            {f.kind: f.count for f in audit.findings if f.count},
        )


if __name__ == "__main__":
    main()
