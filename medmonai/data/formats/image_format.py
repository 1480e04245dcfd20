"""What every image file format has to define."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np

from medmonai.data.containers import PixelKind, unreadable

from .volumes import Volume


class ImageFormat(ABC):
    """One image file format: how to recognize its files, and how to read header, volume and
    picture.

    To add a format, write a class like this in its own module and add it to
    `medmonai.data.formats.formats.FORMATS`.
    """

    name: ClassVar[str]
    title: ClassVar[str]  # shown where the name is not enough
    suffixes: ClassVar[tuple[str, ...]]

    def marks(self, path: Path) -> bool:
        """Return whether the content of a file or folder without a known ending has this format."""
        return False

    @abstractmethod
    def header(self, path: Path) -> tuple[tuple[int, ...], PixelKind]:
        """Return the size on the file's own axes and the kind of its pixels; nothing is decoded.

        Raises:
            UnreadableImageError: an unreadable header, or a file that is refused for its content.
        """

    @abstractmethod
    def volume(self, path: Path) -> Volume:
        """Return the file as a volume.

        Raises:
            UnreadableImageError: a damaged file, or one that is refused for its content.
            ValueError: files of this format are never volumes.
        """

    def picture(self, path: Path) -> np.ndarray:
        """Return the file as a 2D image (C, H, W). The default takes a volume that is one voxel
        thick, reoriented to RAS.
        """
        image = self.volume(path).turned()
        flat = [axis for axis in (3, 2, 1) if image.shape[axis] == 1]
        if not flat:
            raise unreadable(
                path,
                f"it has shape {image.shape[1:]} and two axes are needed; for a volume give a "
                "spatial_size of three axes",
            )
        return image.squeeze(flat[0])
