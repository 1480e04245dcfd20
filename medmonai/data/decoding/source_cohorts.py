"""A listing as Cohorts: every image is decoded once and read from the cache from then on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.cohort import Cohort
from medmonai.data.containers import by_name
from medmonai.data.datalist import SPLITS, LeftOut, Listing
from medmonai.data.image_form import ImageForm
from medmonai.data.image_place import ImagePlace
from medmonai.data.sources import default_memory_limit
from medmonai.data.splits import gather_images, require_every_class

from .decode_pool import DecodeRecord
from .image_cache import DecodedImages, decoded_images

logger = logging.getLogger("medmonai.data")


@dataclass(frozen=True, eq=False)
class SourceCohorts(Mapping[str, Cohort]):
    """The splits of a source by name, in the order train, val, test, and the listing behind them.

    Args:
        cohorts: split -> Cohort.
        listing: their cases; `left_out` also has the files that could not be read.
        record: what was observed when the files were decoded.
    """

    cohorts: dict[str, Cohort]
    listing: Listing
    record: DecodeRecord

    def __getitem__(self, split: str) -> Cohort:
        """Return a split.

        Raises:
            KeyError: the source has no split of that name.
        """
        if split not in self.cohorts:
            raise KeyError(
                f"{self.listing.provenance.name} has no split {split!r}, only "
                f"{', '.join(self.cohorts)}; see split_listing."
            )
        return self.cohorts[split]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cohorts)

    def __len__(self) -> int:
        return len(self.cohorts)


def load_listing(
    listing: Listing,
    form: ImageForm | Mapping[str, Any],
    *,
    skip_unreadable: bool = False,
    cache_dir: str | Path | None = None,
    jobs: int | None = None,
    memory_limit: int | None = None,
) -> SourceCohorts:
    """Return a Cohort for each split of a listing, with uint8 images (N, in_channels,
    *spatial_size).

    Every file is decoded once, by `read_case`, the function that `load_images` uses for inference.
    The decoded images are kept in one .npy file. The next start finds it by the names, sizes and
    times of the files and by the arguments (see `decoded_images`), without decoding anything. Its
    rows are in the order train, val, test of the first start, so that each split is a view of them.
    Another division of the same files takes its rows from the same .npy file.

    MONAI's PersistentDataset pickles one tensor per case into its own file, named by a hash of the
    case's dictionary, even if the image file has changed since. CacheDataset decodes again in every
    process.

    Args:
        listing: the cases, with splits.
        form: what every image becomes, as an `ImageForm` or a dictionary of its fields.
        skip_unreadable: whether to leave out damaged files and those with NaN; they are then in
            `.listing.left_out`, and a note counts them.
        cache_dir: folder of the decoded images; default: MEDMONAI_CACHE, else the user's cache
            folder.
        jobs: number of decoding threads; default: one per core.
        memory_limit: size in bytes above which the images stay on disk as a memmap; default as in
            `load_medmnist`.

    Raises:
        OSError: no folder for the decoded images is writable, or the disk is full.
        ValueError: a listing without splits; unreadable files without `skip_unreadable`, or with it
            a split that loses all cases of a class; an image that does not fit the form.

    Example:
        >>> form = ImageForm((224, 224), in_channels=1)
        >>> cohorts = load_listing(planned, form)  # doctest: +SKIP
        >>> cohorts["train"]  # doctest: +SKIP
        Cohort(chest_xray train: 180 cases, 1 x (224, 224) uint8, binary {'NORMAL': 90, ...})
    """
    form = ImageForm.of(form, argument="form")
    name = listing.provenance.name
    if listing.splits is None:
        raise ValueError(f"{name}: the listing says no splits; divide it with split_listing first.")
    ordered = listing.subset(
        np.concatenate([np.flatnonzero(listing.splits == split) for split in SPLITS])
    )
    decoded = decoded_images(ordered.files, form, name=name, cache_dir=cache_dir, jobs=jobs)
    ordered = _without_unreadable(ordered, decoded.unreadable, skip=skip_unreadable)
    notes = (*ordered.notes, *decode_notes(decoded.record, form))
    ordered = replace(ordered, notes=notes)
    for note in notes[len(listing.notes) :] if decoded.new else ():
        logger.info("%s: %s", name, note)
    return SourceCohorts(_cohorts(ordered, decoded, memory_limit), ordered, decoded.record)


def decode_notes(record: DecodeRecord, form: ImageForm) -> list[str]:
    """Return one sentence each on mixed kinds, sizes or bit depths, pictures rotated by EXIF, cut
    volumes, and what files left open.

    There are none if all images are alike and fit.

    Example:
        >>> from medmonai.data.containers import PixelKind
        >>> record = DecodeRecord(
        ...     kinds={PixelKind("L"): 5825, PixelKind("RGB", colour=True): 31},
        ...     sizes={"28 x 28": 5856},
        ... )
        >>> decode_notes(record, ImageForm((28, 28), in_channels=1))
        ['Modes of the 5,856 images: 5,825 L, 31 RGB; color was made gray by luma.']
    """
    total = sum(record.kinds.values())
    modes = by_name(record.kinds)
    notes = []
    made = ""
    # a case of several files has one channel for each, and a channel is gray
    if any(kind.colour and form.image_channels in (1, kind.channels) for kind in record.kinds):
        made = "; color was made gray by luma"
    elif form.image_channels == 3 and any(
        not kind.colour and kind.channels == 1 for kind in record.kinds
    ):
        made = "; gray was repeated over 3 channels"
    if len(modes) > 1 or made:
        notes.append(
            f"Modes of the {total:,} images: "
            f"{', '.join(f'{n:,} {name}' for name, n in modes.items())}{made}."
        )
    notes += _range_note(sum(n for kind, n in record.kinds.items() if kind.bits <= 8), total, form)
    wanted = " x ".join(map(str, form.spatial_size))
    others = total - record.sizes.get(wanted, 0)
    if others:
        sizes = sorted(record.sizes, key=lambda size: [int(n) for n in size.split(" x ")])
        told = sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        how = (
            f"{form.aspect} to {wanted}"
            if form.spacing is None
            else f"spacing {form.spacing} mm, {wanted} voxels"
        )
        how += ", large JPEGs scaled while they were decoded" if form.jpeg_scaling else ""
        notes.append(
            f"{others:,} of {total:,} images have another size ({told}) and were resampled ({how})."
        )
    if record.turned:
        notes.append(
            f"{record.turned:,} of {total:,} images were turned upright by their EXIF orientation."
        )
    return notes + record.warnings()


def _range_note(shallow: int, total: int, form: ImageForm) -> list[str]:
    """Return a sentence if 8-bit images were given a range that may be meant for more bits."""
    if form.intensity_range is None or not shallow:
        return []
    if shallow < total:
        return [
            f"{shallow:,} of {total:,} images have 8 bits and the others more; intensity_range "
            f"{form.intensity_range} was applied to all of them."
        ]
    if all(0 <= bound <= 255 for bound in np.ravel(form.intensity_range)):
        return []
    return [
        f"All {total:,} images have 8 bits, so values of 0 to 255; intensity_range "
        f"{form.intensity_range} was applied to them as it is."
    ]


def _without_unreadable(listing: Listing, unreadable: Mapping[int, str], *, skip: bool) -> Listing:
    if not unreadable:
        return listing
    bad = {str(listing.ids[number]): reason for number, reason in unreadable.items()}
    first, reason = next(iter(bad.items()))
    if not skip:
        raise ValueError(
            f"{listing.provenance.name}: {len(bad)} of {len(listing)} images cannot be read, first "
            f"{first}: {reason} Or pass skip_unreadable=True (--skip_unreadable true), which lists "
            "what it leaves out."
        )
    if len(bad) == len(listing):
        raise ValueError(
            f"{listing.provenance.name}: none of the {len(bad)} images can be read, first {first}: "
            f"{reason}"
        )
    kept = listing.subset(np.setdiff1d(np.arange(len(listing)), list(unreadable)))
    _require_classes_still(listing, kept)
    note = (
        f"{len(bad)} of {len(listing)} images could not be read and were left out, first {first}."
    )
    logger.warning("%s: %s", listing.provenance.name, note)
    left_out = tuple(LeftOut(name, reason) for name, reason in sorted(bad.items()))
    return replace(kept, left_out=(*kept.left_out, *left_out), notes=(*kept.notes, note))


def _require_classes_still(listing: Listing, kept: Listing) -> None:
    """Raise ValueError if a split has lost all cases of a class. A class that the listing already
    lacked is the author's choice.
    """
    assert listing.splits is not None and kept.splits is not None  # load_listing requires them
    try:
        require_every_class(listing, listing.splits)
    except ValueError:
        return
    try:
        require_every_class(kept, kept.splits)
    except ValueError as error:
        raise ValueError(
            f"after leaving out {len(listing) - len(kept)} unreadable images, {error}"
        ) from error


def _cohorts(
    listing: Listing, decoded: DecodedImages, memory_limit: int | None
) -> dict[str, Cohort]:
    limit = default_memory_limit() if memory_limit is None else memory_limit
    images = decoded.images(on_disk=True)
    if images.nbytes <= limit:
        images = decoded.images(on_disk=False)
    rows = decoded.rows[decoded.rows >= 0]
    places = None
    if len(decoded.record.places) == len(images):
        places = [ImagePlace.from_dict(place) for place in decoded.record.places]
    provenance = replace(listing.provenance, facts=(*listing.provenance.facts, *listing.notes))
    cohorts = {}
    for split in (name for name in SPLITS if (listing.splits == name).any()):
        chosen = np.flatnonzero(listing.splits == split)
        mine = rows[chosen]
        part = listing.subset(chosen)
        run = np.array_equal(mine, np.arange(mine[0], mine[0] + len(mine)))
        cohorts[split] = Cohort(
            images[mine[0] : mine[-1] + 1] if run else gather_images([images], mine),
            labels=part.labels,
            ids=part.ids,
            task=part.task,
            class_names=part.class_names,
            provenance=provenance,
            split=split,
            groups=part.groups,
            metadata=part.metadata,
            places=None if places is None else tuple(places[row] for row in mine),
        )
    return cohorts
