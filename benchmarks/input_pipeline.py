"""Samples per second of the training input pipeline, from a resident uint8 array to a float32
batch.

Work, the same for all: flip (p .5), affine (rotation .2 rad, scale .1, shift 2 voxels, p .5,
bilinear, border), Gaussian noise (p .5, standard deviation up to .05 of white), normalize. The
setting `poses` has flips and 90-degree rotations only. One process, rounds interleaved, the warm-up
left out, medians. Peers that are not installed are named and skipped.

    python -m benchmarks.input_pipeline [--threads N] [--rounds 7] [--csv results.csv]

Threads are torch's default, one per core, for all peers; MONAI's transforms of one image hardly use
a second one.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import monai
import monai.transforms as mt
import torch
from monai.data import CacheDataset, DataLoader, set_track_meta

import medmonai.transforms as mm

# name: (spatial size, batch size, images, poses only)
SETTINGS = {
    "2D 28 px": ((28, 28), 128, 1280, False),
    "3D 28^3": ((28, 28, 28), 64, 256, False),
    "3D 28^3 poses": ((28, 28, 28), 64, 256, True),
    "2D 224 px": ((224, 224), 64, 256, False),
    "3D 64^3": ((64, 64, 64), 16, 32, False),
}
MONAI = "MONAI dictionary"
# What issue 2 asks for: at least so many times the samples/s of the idiomatic MONAI pipeline.
AIMS = {"2D 28 px": 200, "3D 28^3": 6, "3D 28^3 poses": 15}
Batches = Callable[[torch.Tensor, int, bool], Iterator[torch.Tensor]]


def affine_ranges(dims: int) -> dict:
    rotations = 1 if dims == 2 else 3
    return {
        "rotate_range": [0.2] * rotations,
        "scale_range": [0.1] * dims,
        "translate_range": [2] * dims,
    }


def chain(library: object, dims: int, poses: bool, suffix: str = "", **keys: str) -> list:
    """Build the transforms of MONAI or medmonai, which have the same names."""

    def make(name: str, **arguments: object) -> object:
        return getattr(library, name + suffix)(**keys, **arguments)

    # MONAI caches what comes before the first random transform, so scaling to [0, 1] costs it
    # nothing. Ours stays in units of 0 to 255 and normalizes to the same result.
    scale = (
        [make("ScaleIntensityRange", a_min=0, a_max=255, b_min=0, b_max=1)] if library is mt else []
    )
    white = 1.0 if scale else 255.0
    normalize = make("NormalizeIntensity", subtrahend=white / 2, divisor=white / 2)
    if poses:
        flips = [make("RandFlip", prob=0.5, spatial_axis=axis) for axis in range(dims)]
        return [*scale, *flips, make("RandRotate90", prob=0.5), normalize]
    flip = make("RandFlip", prob=0.5, spatial_axis=dims - 1)
    affine = make("RandAffine", prob=0.5, padding_mode="border", **affine_ranges(dims))
    noise = make("RandGaussianNoise", prob=0.5, std=0.05 * white)
    return [*scale, flip, affine, noise, normalize]


def random_batches(
    images: torch.Tensor, batch_size: int, device: str = "cpu"
) -> Iterator[torch.Tensor]:
    """Images of shuffled epochs; the labels are gathered too, as a loader must."""
    generator = torch.Generator().manual_seed(0)
    images = images.to(device)
    labels = torch.arange(len(images), device=device) % 2
    while True:
        order = torch.randperm(len(images), generator=generator).to(device)
        for part in order.split(batch_size):
            labels.index_select(0, part)
            yield images.index_select(0, part)


def medmonai_batches(images: torch.Tensor, batch_size: int, poses: bool) -> Iterator[torch.Tensor]:
    compose = mm.BatchCompose(chain(mm, images.ndim - 2, poses))
    generator = torch.Generator().manual_seed(0)
    for x in random_batches(images, batch_size):
        yield compose.batch(x, generator, overwrite=True)


def monai_dictionary(images: torch.Tensor, batch_size: int, poses: bool) -> Iterator[torch.Tensor]:
    # Arrays without a channel, as an npz has them; all before the first random transform is cached.
    channel = mt.EnsureChannelFirstd("image", channel_dim="no_channel")
    compose = mt.Compose([channel, *chain(mt, images.ndim - 2, poses, "d", keys="image")])
    items = [{"image": image, "label": i % 2} for i, image in enumerate(images[:, 0].numpy())]
    dataset = CacheDataset(items, compose, progress=False)
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, num_workers=0)
    while True:
        for batch in loader:
            yield batch["image"]


def monai_arrays(images: torch.Tensor, batch_size: int, poses: bool) -> Iterator[torch.Tensor]:
    compose = mt.Compose(chain(mt, images.ndim - 2, poses))
    for x in random_batches(images, batch_size):
        set_track_meta(False)
        batch = torch.stack([compose(image) for image in x])
        set_track_meta(True)
        yield batch


def kornia_batches(
    images: torch.Tensor, batch_size: int, poses: bool, device: str = "cpu"
) -> Iterator[torch.Tensor]:
    import kornia.augmentation as ka

    side = images.shape[-1]
    dims = images.ndim - 2
    turn = 0.2 * 180 / torch.pi
    shift = [2 / side] * dims
    if dims == 2:
        chain = [
            ka.RandomHorizontalFlip(p=0.5),
            ka.RandomAffine(turn, shift, (0.9, 1.1), p=0.5, padding_mode="border"),
            ka.RandomGaussianNoise(std=0.05, p=0.5),
        ]
    elif poses:
        chain = [
            ka.RandomHorizontalFlip3D(p=0.5),
            ka.RandomVerticalFlip3D(p=0.5),
            ka.RandomDepthicalFlip3D(p=0.5),
            ka.RandomRotation3D(((90, 90), (0, 0), (0, 0)), p=0.5),
        ]
    else:
        # kornia has no noise in 3D; it is added below for the same half of the samples.
        chain = [
            ka.RandomHorizontalFlip3D(p=0.5),
            ka.RandomAffine3D((turn, turn, turn), shift, (0.9, 1.1), p=0.5),
        ]
    augment = torch.nn.Sequential(*chain)
    for x in random_batches(images, batch_size, device):
        out = augment(x.float().div_(255))
        if dims == 3 and not poses:
            index = (torch.rand(len(out)) < 0.5).nonzero().flatten().to(device)
            noise = torch.randn(len(index), *out.shape[1:], device=device)
            out.index_add_(0, index, noise, alpha=0.05)
        yield out.sub_(0.5).div_(0.5)


def torchio_batches(images: torch.Tensor, batch_size: int, poses: bool) -> Iterator[torch.Tensor]:
    import torchio

    if poses:
        steps = [
            torchio.RandomFlip(axes=(0, 1, 2), flip_probability=0.5),
            torchio.RandomAffine(scales=0, degrees=(90, 90, 0, 0, 0, 0), p=0.5),
        ]
    else:
        steps = [
            torchio.RandomFlip(axes=2, flip_probability=0.5),
            torchio.RandomAffine(scales=0.1, degrees=0.2 * 180 / torch.pi, translation=2, p=0.5),
            torchio.RandomNoise(std=(0, 0.05), p=0.5),
        ]
    augment = torchio.Compose([*steps, torchio.Lambda(lambda x: (x - 0.5) / 0.5)])
    for x in random_batches(images, batch_size):
        yield torch.stack([augment(image) for image in x.float().div_(255)])


PEERS: dict[str, tuple[str, Batches]] = {
    "medmonai": ("medmonai", medmonai_batches),
    MONAI: ("monai", monai_dictionary),
    "MONAI arrays, no metadata": ("monai", monai_arrays),
    "kornia": ("kornia", kornia_batches),
    "TorchIO": ("torchio", torchio_batches),
}


def measure(batches: Iterator[torch.Tensor], seconds: float) -> tuple[float, float]:
    """Samples per wall second and per CPU second, over at least ``seconds`` and two batches."""
    count = rounds = 0
    wall = time.perf_counter()
    cpu = time.process_time()
    while rounds < 2 or time.perf_counter() - wall < seconds:
        count += len(next(batches))
        rounds += 1
    return count / (time.perf_counter() - wall), count / (time.process_time() - cpu)


def run_setting(name: str, rounds: int, seconds: float) -> list[dict]:
    size, batch_size, count, poses = SETTINGS[name]
    images = torch.randint(
        0, 256, (count, 1, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    running = {}
    for peer, (module, batches) in PEERS.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name}: {peer} is not installed: skipped")
        elif not (peer == "TorchIO" and len(size) == 2):
            running[peer] = batches(images, batch_size, poses)
            out = next(running[peer])
            if out.shape[1:] != images.shape[1:] or out.dtype != torch.float32:
                raise RuntimeError(f"{peer} gave {out.dtype} {tuple(out.shape)}.")
    timings = {peer: [] for peer in running}
    for _ in range(rounds):
        for peer, batches in running.items():
            timings[peer].append(measure(batches, seconds))
    rows = []
    for peer, pairs in timings.items():
        wall, cpu = (statistics.median(column) for column in zip(*pairs))
        spread = [low_high(column) for column in zip(*pairs)]
        rows.append(
            {"setting": name, "peer": peer, "wall": wall, "cpu": cpu, "wall_range": spread[0]}
        )
    return rows


def low_high(values: tuple[float, ...]) -> str:
    return f"{min(values):.0f}-{max(values):.0f}"


def print_table(rows: list[dict]) -> None:
    base = next(row for row in rows if row["peer"] == MONAI)
    print(
        "\n"
        f"{rows[0]['setting']:26} {'samples/s wall':>15} {'CPU':>9} {'x MONAI, wall':>14} "
        f"{'CPU':>7}   range (wall)"
    )
    for row in rows:
        row["ratio_wall"], row["ratio_cpu"] = row["wall"] / base["wall"], row["cpu"] / base["cpu"]
        print(
            f"{row['peer']:26} {row['wall']:15,.0f} {row['cpu']:9,.0f} {row['ratio_wall']:14.1f} "
            f"{row['ratio_cpu']:7.1f}   {row['wall_range']}"
        )
    aim = AIMS.get(rows[0]["setting"])
    if aim:
        print(
            f"aim: {aim} times {MONAI}; reached {rows[0]['ratio_wall']:.1f} (wall), "
            f"{rows[0]['ratio_cpu']:.1f} (CPU)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS)[:3], choices=list(SETTINGS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="at least so long for each peer in each round"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(arguments.threads)
    print(
        f"torch {torch.__version__}, monai {monai.__version__}, Python "
        f"{platform.python_version()}, {platform.processor() or platform.machine()}, "
        f"{arguments.threads} thread(s), medians of {arguments.rounds}"
    )
    rows = []
    for name in arguments.settings:
        part = run_setting(name, arguments.rounds, arguments.seconds)
        print_table(part)
        rows += part
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
