"""Decoding with a cache, as tests ask for it."""

from __future__ import annotations

from medmonai.data import ImageForm
from medmonai.data.decoding.image_cache import decoded_images as decoded

FORM = ImageForm((10, 8), in_channels=1)


def get(files, tmp_path, form=FORM, **options):
    return decoded(files, form, name="a set/1", cache_dir=tmp_path / "cache", **options)


def names(tmp_path):
    return sorted(path.suffix for path in (tmp_path / "cache").iterdir())
