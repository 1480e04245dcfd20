"""Batches from an array that stays in memory: gathered by index, then converted and augmented as a
whole.
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
from medmonai.transforms.functional import upload

from .balance import Balance
from .cohort import Cohort

Residency = Literal["auto", "device", "host", "disk"]

# Fraction of the accelerator's free memory that a data set may occupy.
_DEVICE_SHARE = 0.5


class ResidentLoader:
    """Yields `{"image": float32 (B, C, *spatial), "label": int64, "index": int64}` from a Cohort
    held in memory, and "covariates", float32 (B, values), where it has some.

    The uint8 array stays on the device if it fits, else in host memory, else on disk as a memmap
    that one thread reads ahead. A batch is one gather, one conversion and `transform.batch` on the
    device: plain tensors, no worker processes, no MetaTensor. MONAI's `CacheDataset` + `DataLoader`
    holds float tensors and augments case by case, which takes most of the time for small images.

    With a `balance`, this is a training loader: each epoch depends only on (seed, epoch). Under
    torch.distributed every rank gets an equal share of every batch; cases that do not fill a batch
    on all ranks are left out of that epoch. Without a `balance`, it is an evaluation loader: every
    case once, in order, split over the ranks without padding.

    Args:
        cohort: the cases, or an `ImageSet` without labels (then no "label" is yielded).
            `DeferredImages` are read when the loader is first iterated over or asked for its
            length.
        batch_size: cases per batch on one rank.
        transform: anything with `batch(x, generator, overwrite=...)`, such as
            `medmonai.transforms.BatchCompose`; None leaves the gray values as they are.
        balance: the plan of each epoch; None for evaluation.
        drop_last: drop the last batch of an epoch if it is smaller.
        seed: determines the order and every random transform.
        device: device of the batches.
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
        self._covariates = None
        if not getattr(cohort, "deferred", False):
            self._prepare()

    def _prepare(self) -> None:
        """Place the images once in the memory from which batches are gathered."""
        if self._images is not None:
            return
        if self.residency == "auto":
            self.residency = self._choose()
        labels = getattr(self.cohort, "labels", None)
        self._labels = torch.from_numpy(labels) if labels is not None else None
        self._covariates = self.cohort.covariates
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
        # torch warns about read-only arrays; nothing here writes to them
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
                # MONAI's engines take this for an unknown length; the run then reports what is
                # wrong.
                raise TypeError(f"the loader's length is not known: {error}") from error
        return len(self._slices(self._plan_length()))

    def _plan_length(self) -> int:
        if self.balance is None:
            return len(range(self.rank, len(self.cohort), self.world))
        return len(self._plan(1)) // self.world

    def _slices(self, length: int) -> list[slice]:
        # A batch of one case breaks batch normalization on 1x1 maps, so training drops such a
        # remainder.
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
        """Set the epoch of the next iteration, from 1."""
        self.epoch = epoch
        self._start_batch = 0

    def state_dict(self) -> dict[str, int]:
        """Return the loader's complete state: two numbers."""
        return {"epoch": self.epoch, "batch": self._start_batch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Resume at the epoch and batch of a state."""
        self.epoch, self._start_batch = int(state["epoch"]), int(state["batch"])

    def _generator(self, epoch: int, batch: int) -> torch.Generator:
        words = np.random.SeedSequence([self.seed, epoch, batch, self.rank]).generate_state(
            2, np.uint32
        )
        return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)

    def _gather(self, index: np.ndarray) -> torch.Tensor:
        if isinstance(self._images, torch.Tensor):
            picked = upload(torch.from_numpy(index), self._images.device)
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
            # Nothing else uses a gathered batch, so the transforms need not copy it first.
            images = self.transform.batch(images, generator, overwrite=True)
        batch = {"image": images.float(), "index": torch.from_numpy(index)}
        if self._labels is not None:
            batch["label"] = upload(self._labels[batch["index"]], self.device)
        if self._covariates is not None:
            batch["covariates"] = upload(torch.from_numpy(self._covariates[index]), self.device)
        return batch


def _require_whole(images: Any) -> None:
    """Refuse a memory-mapped file that has since been truncated: reading past its end kills the
    process (SIGBUS) without a message.

    This still happens if a file is truncated during a pass over it.

    Raises:
        ValueError: the file is shorter than its mapped part.
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
    """Read up to two batches ahead in a thread; its errors are raised when the batch is
    requested.
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
