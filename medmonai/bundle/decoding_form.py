"""The placeholders about the form in which images are decoded."""

from __future__ import annotations

from typing import Any

# How inference brings images to a size, where the training images have theirs already; see
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
    """Return the placeholders of how images are decoded: only what acts on images of that many axes
    is an id.

    Raises:
        ValueError: the recipe states an argument that does nothing there.
    """
    idle, kind = (_OF_VOLUMES, "pictures") if axes == 2 else (_OF_PICTURES, "volumes")
    for name in idle:
        if name in stated and stated[name] != _FORM[name]:
            raise ValueError(
                f"form holds {name}={stated[name]!r}, which does nothing to {kind} ({axes} axes); "
                "leave it out."
            )
    ids = {name: stated.get(name, value) for name, value in _FORM.items() if name not in idle}
    # They are counted in the number of channels, which is not an id either.
    fixed = {"indicators": list(stated["indicators"])} if stated.get("indicators") else {}
    return {"form_ids": ids, "form_arguments": {**{name: f"@{name}" for name in ids}, **fixed}}
