"""Texts that hold for one set of images only."""

from __future__ import annotations

from typing import TypeVar

Text = TypeVar("Text", str, list[str])


def stated_if(published: bool, *, stated: Text, otherwise: Text) -> Text:
    """Return what a run says of its images: one text for the published set that a bundle was
    written for, or another.

    Args:
        published: whether the images are those of the published set; the id `published_images`.
        stated: licence, citation or known issues of that set.
        otherwise: what is said of any other images.

    Example:
        >>> stated_if(False, stated="CC0 (PatchCamelyon)", otherwise="not stated")
        'not stated'
    """
    return stated if published else otherwise
