"""Images without their padding: two volumes are not alike because a grid goes beyond both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medmonai.data.image_place import ImagePlace


def without_padding(images: np.ndarray, places: Sequence[ImagePlace] | None) -> np.ndarray:
    """Return the images with padded voxels replaced by the nearest voxel of the volume.

    Two volumes that are padded alike share an edge, which would outweigh what they show.

    Args:
        images: (N, C, *spatial).
        places: of the volumes; None for images that are not known to be padded.
    """
    if places is None:
        return images
    size = images.shape[2:]
    filled = images
    for row, place in enumerate(places):
        inside = place.inside(size)
        if all(len(held) == n for held, n in zip(inside, size)):
            continue
        if filled is images:
            filled = np.array(images)
        nearest = [np.clip(np.arange(n), held[0], held[-1]) for held, n in zip(inside, size)]
        filled[row] = images[row][(slice(None), *np.ix_(*nearest))]
    return filled
