"""The input pipeline on the device, beside kornia there and MONAI's own on all CPU cores."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator

import monai.transforms as mt
import torch
from monai.data import CacheDataset, DataLoader

import medmonai.transforms as mm
from benchmarks.input_pipeline import chain, kornia_batches

from .setting import Setting

# name: (spatial size, batch size, images)
SETTINGS = {
    "2D 28 px": ((28, 28), 128, 12_800),
    "2D 224 px": ((224, 224), 64, 1280),
    "3D 28^3": ((28, 28, 28), 32, 1280),
    "3D 64^3": ((64, 64, 64), 16, 320),
}


def inputs(setting: Setting) -> dict[str, object]:
    """Time the augmentation of whole epochs: flip, affine, noise, normalize; images a second."""
    found = {}
    for name, (size, batch, most) in SETTINGS.items():
        count = batch * 2 if setting.small else most
        if setting.small and size[0] > 28:
            continue
        random = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (count, 1, *size), dtype=torch.uint8, generator=random)
        ways: dict[str, Callable[[], object]] = {"medmonai": _ours(images, batch, setting)}
        if importlib.util.find_spec("kornia"):
            ways["kornia"] = _kornia(images, batch, setting)
        took = setting.in_turn(ways)
        # MONAI's takes far longer: fewer images, its own rounds.
        part = images[: batch * 4]
        slow = setting.in_turn({"MONAI": _monai(part, batch, setting)}, rounds=3)
        rates = {way: count / values["median"] for way, values in took.items()}
        rates["MONAI, all cores"] = len(part) / slow["MONAI"]["median"]
        ours = rates["medmonai"]
        found[name] = {
            "images a second": rates,
            "times as fast as": {way: ours / rate for way, rate in rates.items()},
            "seconds": {**took, **slow},
        }
    return found


def _order(count: int, batch: int, device: str) -> Iterator[torch.Tensor]:
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1))
    return iter(order.to(device).split(batch))


def _ours(images: torch.Tensor, batch: int, setting: Setting) -> Callable[[], object]:
    compose = mm.BatchCompose(chain(mm, images.ndim - 2, False))
    resident = images.to(setting.device)
    generator = torch.Generator().manual_seed(0)

    def epoch() -> None:
        for part in _order(len(images), batch, setting.device):
            compose.batch(resident.index_select(0, part), generator, overwrite=True)

    return epoch


def _kornia(images: torch.Tensor, batch: int, setting: Setting) -> Callable[[], object]:
    batches = kornia_batches(images, batch, False, device=setting.device)

    def epoch() -> None:
        for _ in range(len(images) // batch):
            next(batches)

    return epoch


def _monai(images: torch.Tensor, batch: int, setting: Setting) -> Callable[[], object]:
    channel = mt.EnsureChannelFirstd("image", channel_dim="no_channel")
    compose = mt.Compose([channel, *chain(mt, images.ndim - 2, False, "d", keys="image")])
    items = [{"image": image, "label": i % 2} for i, image in enumerate(images[:, 0].numpy())]
    dataset = CacheDataset(items, compose, progress=False)
    workers = 0 if setting.small else max(1, (os.cpu_count() or 1) - 2)
    loader = DataLoader(
        dataset,
        batch_size=batch,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=setting.cuda,
    )

    def epoch() -> None:
        for made in loader:
            made["image"].as_tensor().to(setting.device, non_blocking=True)

    return epoch
