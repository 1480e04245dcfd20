"""Decoders that `load_listing` is compared with, on the same files: Pillow's and OpenCV's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image


def pillow_loop(files: list[Path], to: int, channels: int) -> None:
    out = np.empty((len(files), to, to, channels), np.uint8)
    for i, file in enumerate(files):
        with Image.open(file) as image:
            picture = image.convert("RGB" if channels == 3 else "L").resize(
                (to, to), Image.Resampling.BILINEAR
            )
        out[i] = np.asarray(picture).reshape(to, to, channels)


def bare_decoder(files: list[Path], jobs: int, at_least: int | None = None) -> None:
    def decode(part: list[Path]) -> None:
        for file in part:
            with Image.open(file) as image:
                if at_least:
                    image.draft(None, (at_least, at_least))
                image.load()

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(decode, [files[i::jobs] for i in range(jobs)]))


def opencv_loop(files: list[Path], to: int, channels: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    flag = cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE
    for file in files:
        cv2.resize(cv2.imread(str(file), flag), (to, to), interpolation=cv2.INTER_AREA)
