"""A listing loaded with its options side by side."""

from __future__ import annotations

from medmonai.data import load_listing
from medmonai.data.options import grouped

COUNTS = {"train": {"A": 6, "B": 8}, "val": {"A": 2, "B": 3}, "test": {"A": 3, "B": 2}}


def load(listing, tmp_path, **options):
    """`load_listing` with the form side by side with its other options."""
    flat = {"spatial_size": (20, 16), "in_channels": 1, "cache_dir": tmp_path / "cache", **options}
    return load_listing(**grouped(load_listing, {"listing": listing, **flat}))
