"""A few decoded cases of each class, to look at a source before all of it is decoded."""

from __future__ import annotations

import numpy as np

from medmonai.data.case_files import CaseFile, CaseFiles
from medmonai.data.cohort import Cohort
from medmonai.data.containers import UnreadableImageError
from medmonai.data.datalist import Listing
from medmonai.data.files import Headers, read_image, to_form
from medmonai.data.image_form import ImageForm

_PERCENTILES = (0.5, 99.5)


def preview_cohort(
    listing: Listing, headers: Headers, *, per_class: int = 6, longest: int = 128, seed: int = 0
) -> Cohort:
    """Return some cases of each class as a Cohort, each with its own gray scale: for viewing, not
    for training.

    Images of more than 8 bits are windowed from their 0.5th to their 99.5th percentile, so no
    `intensity_range` is needed. The proportions are those of the median size, with at most
    `longest` voxels along an axis. Unreadable files are skipped.

    Args:
        listing: the cases.
        headers: result of `read_headers`; determines the number of axes and channels.
        per_class: number of cases per class (multilabel: per label).
        longest: voxels along the longest axis.
        seed: seed for choosing the cases.

    Raises:
        ValueError: no case could be read.
    """
    hot = listing.task.one_hot(listing.labels)
    rng = np.random.default_rng(seed)
    rows = sorted(
        {
            int(row)
            for column in hot.T
            for row in rng.permutation(np.flatnonzero(column))[:per_class]
        }
    )
    median = np.median(headers.sizes, axis=0) if len(headers.sizes) else np.full(2, longest)
    size = tuple(int(n) for n in np.maximum(1, np.rint(median * min(1, longest / median.max()))))
    images = []
    kept = []
    for row in rows:
        try:
            images.append(_preview(listing.files[row], size, headers))
            kept.append(row)
        except UnreadableImageError:
            continue
    if not kept:
        raise ValueError(
            f"{listing.provenance.name}: none of the {len(rows)} cases looked at can be read, "
            f"first {str(listing.ids[rows[0]])!r}."
        )
    part = listing.subset(kept)
    return Cohort(
        np.stack(images),
        labels=part.labels,
        ids=part.ids,
        task=part.task,
        class_names=part.class_names,
        provenance=part.provenance,
        split="preview",
    )


def _preview(case: CaseFiles, size: tuple[int, ...], headers: Headers) -> np.ndarray:
    """Return a case without indicators; several files are stretched to one size, wherever they
    lie.
    """
    if not isinstance(case, tuple):
        return _view(case, size, channels=headers.in_channels)
    blank = np.zeros((1, *size), np.uint8)
    return np.concatenate(
        [blank if file is None else _view(file, size, channels=1) for file in case]
    )


def _view(file: CaseFile, size: tuple[int, ...], *, channels: int) -> np.ndarray:
    image = read_image(file, size)
    window = None
    if image.dtype != np.uint8:
        parts = image if len(image) == channels else image[None]
        window = tuple(map(_window, parts)) if len(parts) > 1 else _window(parts)
    return to_form(image, ImageForm(size, in_channels=channels, intensity_range=window), file.name)


def _window(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, _PERCENTILES)
    return float(low), float(high) if high > low else float(low) + 1
