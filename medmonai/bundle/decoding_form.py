"""The placeholders for the form in which images are decoded."""

from __future__ import annotations

from typing import Any

# How inference resizes images if the training images already have their size; see
# `medmonai.data.ImageForm`.
_FORM = {
    "intensity_range": None,
    "aspect": "stretch",
    "orientation": "RAS",
    "spacing": None,
    "jpeg_scaling": False,
}
_OF_PICTURES = ("aspect", "jpeg_scaling")
_OF_VOLUMES = ("orientation", "spacing")


def decoding_form(axes: int, **stated: Any) -> dict[str, Any]:
    """Return the placeholders for decoding images: only arguments that affect images with that
    number of axes become ids.

    Raises:
        ValueError: the recipe sets an argument that has no effect there.
    """
    idle, kind = (_OF_VOLUMES, "pictures") if axes == 2 else (_OF_PICTURES, "volumes")
    for name in idle:
        if name in stated and stated[name] != _FORM[name]:
            raise ValueError(
                f"form holds {name}={stated[name]!r}, which has no effect on {kind} ({axes} axes); "
                "omit it."
            )
    ids = {name: stated.get(name, value) for name, value in _FORM.items() if name not in idle}
    return {"form_ids": ids, "form_arguments": {name: f"@{name}" for name in ids}}
