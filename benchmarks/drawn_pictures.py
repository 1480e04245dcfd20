"""Folders of pictures that compress as photographs do, in any size and format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(
    root: Path, n: int, size: tuple[int, int], channels: int, suffix: str, *, quality: int = 90
) -> list[Path]:
    """Write n pictures of broad structure and a little noise, in two classes; 16 different ones,
    again and again.
    """
    rng = np.random.default_rng(0)
    files = []
    contents = []
    for _ in range(16):
        coarse = rng.integers(0, 256, (size[0] // 16, size[1] // 16, channels), dtype=np.uint8)
        planes = [
            Image.fromarray(coarse[..., c]).resize(size[::-1], Image.Resampling.BICUBIC)
            for c in range(channels)
        ]
        noisy = np.stack(planes, axis=-1) + rng.normal(0, 4, (*size, channels))
        image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8).squeeze())
        path = root / f"content{suffix}"
        image.save(path, **({"quality": quality} if suffix in (".jpg", ".jpeg") else {}))
        contents.append(path.read_bytes())
        path.unlink()
    for i in range(n):
        path = root / "source" / "AB"[i % 2] / f"p{i:06d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents[i % len(contents)])
        files.append(path)
    return files
