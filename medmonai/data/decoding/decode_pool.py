"""Decoding many files at once: several threads decode and one writes, in file order and with little
memory.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from tqdm import tqdm

from medmonai.data.case_files import CaseFiles
from medmonai.data.containers import PixelKind, UnreadableImageError
from medmonai.data.files import DecodedCase, read_case
from medmonai.data.image_form import ImageForm

_PROGRESS_FROM = 100
_CHUNK_BYTES = 1 << 22
_CHUNK_FILES = 8
_WHOLE = 0.999  # fraction of a volume; below it, the volume is really cut, not just rounded
_AHEAD = 3  # chunks per thread that may wait for the writer


@dataclass
class DecodeRecord:
    """What was observed during decoding.

    Args:
        kinds: number of images of each kind of pixels.
        sizes: number of images of each size before resizing, such as "1024 x 768".
        turned: number of images with an EXIF orientation.
        unreadable: id -> reason, for files that are not images.
        places: where each volume lies in space, as plain values; empty for pictures.
        remarks: number of images with each remark (see `DecodedCase`).
        cut: number of volumes that are larger than the grid.
        least_inside: smallest fraction of a volume that lies inside the grid.
    """

    kinds: Counter[PixelKind] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    turned: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    places: list[dict[str, Any]] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    least_inside: float = 1.0

    def add(self, case: DecodedCase) -> None:
        """Count an image."""
        self.kinds[case.kind] += 1
        self.sizes[" x ".join(map(str, case.size))] += 1
        self.turned += case.turned
        if case.place is not None:
            self.places.append(case.place.as_dict())
        self.remarks.update(case.remarks)
        self.cut += case.inside < _WHOLE
        self.least_inside = min(self.least_inside, case.inside)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values."""
        return {**vars(self), "kinds": [[asdict(kind), n] for kind, n in self.kinds.items()]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DecodeRecord:
        """Return the record from the output of `as_dict`."""
        return cls(
            **{**values, "kinds": Counter({PixelKind(**kind): n for kind, n in values["kinds"]})}
        )

    def warnings(self) -> list[str]:
        """Return one sentence each on cut volumes and on what files state wrongly or not at all.

        Example:
            >>> DecodeRecord(kinds={PixelKind("NIfTI"): 2}, cut=1, least_inside=0.5).warnings()[0][
            ...     :45
            ... ]
            '1 of 2 volumes are larger than spatial_size a'
        """
        total = sum(self.kinds.values())
        cut = (
            [
                f"{self.cut:,} of {total:,} volumes are larger than spatial_size at this spacing "
                "and were cropped around their center; the smallest part that is left of one is "
                f"{self.least_inside:.0%}."
            ]
            if self.cut
            else []
        )
        return cut + [
            f"{n:,} of {total:,} images {remark}." for remark, n in sorted(self.remarks.items())
        ]


def decode_files(
    files: Sequence[CaseFiles],
    ids: Sequence[str],
    form: ImageForm,
    *,
    record: DecodeRecord,
    jobs: int | None = None,
) -> Iterator[np.ndarray]:
    """Yield blocks (n, in_channels, *spatial_size) uint8 of the readable images, in the order of
    the files.

    Pillow releases the GIL while it decodes and resizes, so threads are enough: no process has to
    import torch again, and nothing is sent between processes. At most three blocks per thread wait
    for the consumer.

    Args:
        files: those of each case.
        ids: one per case, for messages.
        form: what each image becomes.
        record: filled while the blocks are consumed.
        jobs: number of threads; default: one per core that this process may use.

    Raises:
        ValueError: an image that does not fit the form; the message has its id. Unreadable files
            are recorded instead.
    """
    image_bytes = form.in_channels * int(np.prod(form.spatial_size))
    step = max(1, min(_CHUNK_FILES, _CHUNK_BYTES // image_bytes))
    starts = iter(range(0, len(files), step))
    workers = min(check_jobs(jobs), max(1, len(files)))
    bar = tqdm(
        total=len(files), desc="decoding", unit=" images", disable=len(files) < _PROGRESS_FROM
    )
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    waiting: deque[Future[list[DecodedCase | str]]] = deque()

    def submit(n: int) -> None:
        for start in islice(starts, n):
            waiting.append(
                pool.submit(_decode, files[start : start + step], ids[start : start + step], form)
            )

    try:
        submit(_AHEAD * workers)
        done = 0
        while waiting:
            cases = waiting.popleft().result()
            submit(1)
            for name, case in zip(ids[done : done + step], cases):
                if isinstance(case, str):
                    record.unreadable[name] = case
                else:
                    record.add(case)
            done += len(cases)
            bar.update(len(cases))
            images = [case.image for case in cases if not isinstance(case, str)]
            if images:
                yield np.stack(images)
    finally:  # an error, or the consumer stopped: cancel what has not started
        pool.shutdown(wait=True, cancel_futures=True)
        bar.close()


def check_jobs(jobs: int | None) -> int:
    """Return the number of threads, or raise ValueError if it is not a positive integer."""
    if jobs is None:
        from joblib import cpu_count

        return max(1, cpu_count())
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise ValueError(
            f"jobs={jobs!r}; a whole number of at least 1 thread is needed, or None for one per "
            "core."
        )
    return jobs


def _decode(
    files: Sequence[CaseFiles], ids: Sequence[str], form: ImageForm
) -> list[DecodedCase | str]:
    """Return each case, or why it cannot be read."""
    decoded: list[DecodedCase | str] = []
    for file, name in zip(files, ids):
        try:
            decoded.append(read_case(file, form))
        except UnreadableImageError as error:
            decoded.append(str(error))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return decoded
