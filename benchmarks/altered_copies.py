"""How alike a picture and its altered copy are to the audit, and how alike different pictures get.

    python -m benchmarks.altered_copies DATA [--pictures 60] [--size 224]

DATA holds chest_xray/test/*/* and ham10000/images/*.jpg. Printed: the most alike two different
pictures, and for each change the lowest and the median correlation (`medmonai.data.shape_features`)
of a picture with its copy.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from medmonai.data import ImageForm, shape_features
from medmonai.data.formats import fit_picture

SETS = {
    "chest X-rays": ("chest_xray/test/*/*", "L"),
    "skin lesions": ("ham10000/images/*.jpg", "RGB"),
}


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=quality)
    return Image.open(held).convert(picture.mode)


def trimmed(picture: Image.Image, share: float) -> Image.Image:
    x = int(share * picture.width)
    y = int(share * picture.height)
    return picture.crop((x, y, picture.width - x, picture.height - y))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    **{f"JPEG quality {q}": lambda picture, q=q: as_jpeg(picture, q) for q in (90, 50, 20)},
    **{f"size x {f}": lambda picture, f=f: ImageOps.scale(picture, f) for f in (0.5, 0.25, 2)},
    **{f"each side cut by {f:.0%}": lambda picture, f=f: trimmed(picture, f) for f in (0.02, 0.05)},
    "turned by 1 degree": lambda picture: picture.rotate(1),
    "brighter by 20 %": lambda picture: picture.point(lambda value: min(255, int(1.2 * value))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--size", type=int, default=224)
    given = parser.parse_args()
    for name, (pattern, mode) in SETS.items():
        pictures = [
            Image.open(file).convert(mode)
            for file in sorted(given.data.glob(pattern))[: given.pictures]
        ]
        form = ImageForm((given.size, given.size), in_channels=len(mode))
        own = shape_features(np.stack([fit_picture(picture, form) for picture in pictures]))
        others = np.tril(own @ own.T, -1)
        print(
            f"{name}, {len(pictures)} at {given.size} pixels; two different pictures at most "
            f"{others.max():.3f}"
        )
        for change, altered in CHANGES.items():
            found = shape_features(
                np.stack([fit_picture(altered(picture), form) for picture in pictures])
            )
            alike = np.sum(own * found, axis=1)
            print(f"  {change:22s} {alike.min():.3f}, {np.median(alike):.3f}")


if __name__ == "__main__":
    main()
