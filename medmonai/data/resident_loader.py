"""Batches straight from an array that stays in memory: gathered by index, converted and augmented
as a whole.
"""

from __future__ import annotations

import mmap
import queue
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import numpy as np
import torch

from medmonai.distributed import rank, world_size

from .balance import Balance
from .cohort import Cohort

Residency = Literal["auto", "device", "host", "disk"]

# Of the memory that is free on the accelerator, the part a data set may take for itself.
_DEVICE_SHARE = 0.5


class ResidentLoader:
    """Yields `{"image": float32 (B, C, *spatial), "label": int64, "index":
    int64}` from a Cohort held in memory.

    The uint8 array is kept where it fits (on the device, else in host memory, else on disk as a
    memmap read ahead by one thread). A batch is one gather, one conversion and `transform.batch` on
    the device: plain tensors, no worker processes, no MetaTensor. MONAI's `CacheDataset` +
    `DataLoader` holds float tensors and augments case by case, which is what small images spend
    their time on.

    With a `balance` the loader is a training loader: each epoch follows from (seed, epoch) alone,
    and under torch.distributed every rank gets an equal share of every batch (cases that do not
    fill a batch on all ranks are left out of that epoch). Without it, it is an evaluation loader:
    every case once, in order, split over the ranks without padding.

    Args:
        cohort: the cases, or an `ImageSet` without labels (then no "label" is yielded).
            `DeferredImages` are read when the loader is first gone through, or asked for its
            length.
        batch_size: cases of a batch on one rank.
        transform: anything with `batch(x, generator, overwrite=...)`, such as
            `medmonai.transforms.BatchCompose`; None leaves the grey values as they are.
        balance: the plan of an epoch; None for evaluation.
        drop_last: leave out the last batch of an epoch if it is smaller.
        seed: decides the order and every random transform.
        device: where the batches are wanted.
        residency: "device", "host" or "disk" to force a place; "auto" decides by memory.

    Raises:
        ValueError: `batch_size` below 1, an unknown residency, or no whole batch in an epoch.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> loader = ResidentLoader(lesion_phantom(split="val"), batch_size=16)
        >>> next(iter(loader))["image"].shape
        torch.Size([16, 1, 28, 28])
    """

    def __init__(
        self,
        cohort: Cohort,
        *,
        batch_size: int,
        transform: Any = None,
        balance: Balance | None = None,
        drop_last: bool = False,
        seed: int = 0,
        device: str | torch.device = "cpu",
        residency: Residency = "auto",
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}; at least 1 is needed.")
        self.cohort = cohort
        self.batch_size = batch_size
        self.balance = balance
        self.drop_last = drop_last
        self.seed = seed
        self.transform, self.device = transform, torch.device(device)
        self.rank, self.world = rank(), world_size()
        self.epoch = 1
        self._start_batch = 0
        if balance is not None and isinstance(cohort, Cohort):
            cohort.require_every_class()
        if residency not in get_args(Residency):
            raise ValueError(f"residency={residency!r} is unknown; use auto, device, host or disk.")
        self.residency = residency
        self._images = None
        self._labels = None
        if not getattr(cohort, "deferred", False):
            self._prepare()

    def _prepare(self) -> None:
        """Place the images where they are gathered from, once."""
        if self._images is not None:
            return
        if self.residency == "auto":
            self.residency = self._choose()
        labels = getattr(self.cohort, "labels", None)
        self._labels = torch.from_numpy(labels) if labels is not None else None
        self._images = self._place(self.cohort.images)
        if len(self) == 0:
            ranks = f"{self.world} rank{'s' * (self.world > 1)}"
            raise ValueError(
                f"{len(self.cohort)} cases make no batch of {self.batch_size} on {ranks}; lower "
                "batch_size."
            )

    def _choose(self) -> str:
        on_disk = isinstance(self.cohort.images, np.memmap)
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            if self.cohort.images.nbytes <= _DEVICE_SHARE * free:
                return "device"
        return "disk" if on_disk else "host"

    def _place(self, images: np.ndarray) -> torch.Tensor | np.ndarray:
        if self.residency == "disk":
            return images
        # torch warns of arrays that it could write to; nothing here writes
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            tensor = torch.from_numpy(images)
        if self.residency == "device":
            return tensor.to(self.device)
        return tensor.pin_memory() if self.device.type == "cuda" else tensor

    def __len__(self) -> int:
        if self._images is None:
            try:
                self._prepare()
            except (OSError, ValueError) as error:
                # What MONAI's engines take for a length that is not known yet; the run then says
                # what is wrong.
                raise TypeError(f"the loader's length is not known: {error}") from error
        return len(self._slices(self._plan_length()))

    def _plan_length(self) -> int:
        if self.balance is None:
            return len(range(self.rank, len(self.cohort), self.world))
        return len(self._plan(1)) // self.world

    def _slices(self, length: int) -> list[slice]:
        # A batch of one case breaks batch normalization on 1x1 maps; training leaves such a
        # remainder out.
        least = (
            self.batch_size
            if self.drop_last
            else (2 if self.balance is not None and self.batch_size > 1 else 1)
        )
        starts = range(0, length, self.batch_size)
        return [
            slice(s, min(s + self.batch_size, length))
            for s in starts
            if min(s + self.batch_size, length) - s >= least
        ]

    def _plan(self, epoch: int) -> np.ndarray:
        assert self.balance is not None
        return self.balance.plan(
            self.cohort.labels, batch_size=self.batch_size * self.world, seed=self.seed, epoch=epoch
        )

    def indices(self, epoch: int) -> list[np.ndarray]:
        """Return the case numbers of every batch of an epoch on this rank."""
        if self.balance is None:
            mine = np.arange(self.rank, len(self.cohort), self.world)
        else:
            plan = self._plan(epoch)
            mine = plan[: len(plan) // self.world * self.world][self.rank :: self.world]
        return [mine[s] for s in self._slices(len(mine))]

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration runs, from 1."""
        self.epoch = epoch
        self._start_batch = 0

    def state_dict(self) -> dict[str, int]:
        """Return the loader's whole state: two numbers."""
        return {"epoch": self.epoch, "batch": self._start_batch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on at the epoch and batch of a state."""
        self.epoch, self._start_batch = int(state["epoch"]), int(state["batch"])

    def _generator(self, epoch: int, batch: int) -> torch.Generator:
        words = np.random.SeedSequence([self.seed, epoch, batch, self.rank]).generate_state(
            2, np.uint32
        )
        return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)

    def _gather(self, index: np.ndarray) -> torch.Tensor:
        if isinstance(self._images, torch.Tensor):
            picked = torch.from_numpy(index).to(self._images.device)
            return self._images.index_select(0, picked)
        assert self._images is not None  # _prepare has placed them
        return torch.from_numpy(np.ascontiguousarray(self._images[index]))

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        self._prepare()
        epoch = self.epoch
        start = self._start_batch
        batches = self.indices(epoch)[start:]
        _require_whole(self._images)
        gathered = (
            map(self._gather, batches)
            if self.residency != "disk"
            else _read_ahead(self._gather, batches)
        )
        for number, (index, images) in enumerate(zip(batches, gathered), start=start):
            self._start_batch = number + 1
            yield self._finish(index, images, self._generator(epoch, number))
        self._start_batch = 0

    def _finish(
        self, index: np.ndarray, images: torch.Tensor, generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        images = images.to(self.device, non_blocking=True)
        if self.transform is not None:
            # A gathered batch belongs to nobody else, so the transforms need not copy it first.
            images = self.transform.batch(images, generator, overwrite=True)
        batch = {"image": images.float(), "index": torch.from_numpy(index)}
        if self._labels is not None:
            batch["label"] = self._labels[batch["index"]].to(self.device, non_blocking=True)
        return batch


def _require_whole(images: Any) -> None:
    """Refuse a mapped file that was cut off since: whoever reads behind its end is killed (SIGBUS)
    without a word.

    A file that is cut off while a pass reads it still ends so.

    Raises:
        ValueError: the file is shorter than what was mapped of it.
    """
    mapped = getattr(images, "_mmap", None)
    if mapped is None:
        return
    whole = images.offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY + len(mapped)
    if mapped.size() < whole:
        raise ValueError(
            f"{images.filename} was cut off while it was in use: {mapped.size()} of {whole} bytes "
            "are left. Give the same command again: what lies in the cache is then made again."
        )


def _read_ahead(
    read: Callable[[np.ndarray], torch.Tensor], batches: list[np.ndarray]
) -> Iterator[torch.Tensor]:
    """Read up to two batches ahead in a thread; an error in it is raised where the batch is asked
    for.
    """
    ready: queue.Queue[Any] = queue.Queue(maxsize=2)
    stop = threading.Event()

    def offer(item: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for index in batches:
                if not offer(read(index)):
                    return
        except Exception as error:
            offer(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        for _ in batches:
            item = ready.get()
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
