"""The way from a file or an array to a network's pixels as dictionary transforms of MONAI, for
programs that run a bundle without medmonai's own commands.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import monai.transforms as mt
import numpy as np
import torch
from monai.config import KeysCollection, PathLike
from monai.data import ImageReader, MetaTensor
from monai.utils import ensure_tuple

from medmonai.data.containers import array_kind
from medmonai.data.formats import LPS_TO_RAS, Volume
from medmonai.data.image_form import ImageForm

from .arrays import has_channels_last
from .modalities import with_indicators
from .reading import DecodedCase, array_case, read_case, volume_case

_IN_FORM = "medmonai_form"  # of a MetaTensor that needs no further fitting
_NAME = "the image"  # of an array, in messages


class _CaseReader(ImageReader):
    """A MONAI reader that decodes a case as `medmonai predict` does.

    Args:
        form: what every image becomes.
    """

    def __init__(self, form: ImageForm) -> None:
        super().__init__()
        self.form = form

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Return True: what cannot be read is refused by `read`."""
        return True

    def read(self, data: Sequence[PathLike] | PathLike, **_: Any) -> DecodedCase:
        """Return a case, from one file or from one for each channel."""
        files = [Path(str(file)) for file in ensure_tuple(data)]
        return read_case(tuple(files) if len(files) > 1 else files[0], self.form)

    def get_data(self, img: DecodedCase) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the pixels and what is known about their place."""
        return img.image, _meta(img)


class LoadImaged(mt.LoadImaged):
    """MONAI's `LoadImaged` with the one reader that decodes files as `medmonai predict` does.

    MONAI's own class tries its other readers on a file that the given one refuses, and they read
    damaged files. Programs that hand over images instead of files leave this transform out by its
    name or class.

    Args:
        keys: the entries with a path, or with one for each channel of the images.
        form: what every image becomes, as `ImageForm` or as its fields.
        image_only: False also adds the metadata as an entry of its own.
        allow_missing_keys: pass over keys that the dictionary lacks.

    Raises:
        ValueError: see `ImageForm`; when called, see `medmonai.data.files.read_case`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        form: ImageForm | Mapping[str, Any],
        image_only: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        reader = _CaseReader(ImageForm.of(form, argument="form"))
        super().__init__(
            keys,
            reader,  # pyright: ignore[reportArgumentType]  MONAI takes objects, too
            image_only=image_only,
            allow_missing_keys=allow_missing_keys,
        )
        self._loader.readers = [reader]
        self._loader.auto_select = True  # errors of the reader come through as they are


class ToImageFormd(mt.MapTransform):
    """Bring images in memory to the form that a network takes; those of `LoadImaged` pass.

    An array becomes what its file would have become:

    ================== =============================================================================
    axes               (H, W), or those of the file of a volume, with the channels first, last or
                       left out. Where the metadata of a MetaTensor say that a 2D image has its
                       width first (MONAI's `PILReader`, MONAI Deploy's DICOM volumes), its axes are
                       exchanged
    place of a volume  `original_affine` or `affine` of the metadata, in RAS, or in LPS if
                       `space` is "LPS"; without one, the axes stay as they are, and a form with
                       a spacing refuses the volume
    gray values        as in the file. Floats that are whole numbers from 0 to 255 count as 8 bits
    channels           colors become gray, gray becomes colors, alpha is dropped
    ================== =============================================================================

    The result is a MetaTensor of float32 on the device of the image, with values of 0 to 255.

    Args:
        keys: the entries with images.
        form: what every image becomes, as `ImageForm` or as its fields.
        allow_missing_keys: pass over keys that the dictionary lacks.

    Raises:
        ValueError: see `ImageForm`; when called: an array with another number of axes, gray values
            that no file of the training can have held, or a volume without the place that the form
            needs.

    Example:
        >>> fit = ToImageFormd("image", form={"spatial_size": [8, 8], "in_channels": 1})
        >>> fit({"image": np.zeros((16, 20, 3), np.float32)})["image"].shape
        torch.Size([1, 8, 8])
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        form: ImageForm | Mapping[str, Any],
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.form = ImageForm.of(form, argument="form")

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring the entries ``keys`` to the form; the others are handed on."""
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = self._fitted(out[key])
        return out

    def _fitted(self, image: Any) -> torch.Tensor:
        meta = image.meta if isinstance(image, MetaTensor) else {}
        if meta.get(_IN_FORM):
            return image
        device = image.device if isinstance(image, torch.Tensor) else "cpu"
        values = image.detach().cpu().numpy() if isinstance(image, torch.Tensor) else image
        case = array_in_form(np.asarray(values), self.form, meta)
        made = torch.from_numpy(case.image).to(device, torch.float32)
        return MetaTensor(made, meta=_meta(case))


def array_in_form(
    values: np.ndarray, form: ImageForm, meta: Mapping[str, Any] | None = None
) -> DecodedCase:
    """Return an array in the form that a network takes, by the rules of `ToImageFormd`.

    Args:
        values: an image, with or without an axis of channels.
        form: what to make of it.
        meta: metadata with MONAI's keys.

    Raises:
        ValueError: see `ToImageFormd`.
    """
    meta = meta or {}
    image = _channels_first(values, form, meta)
    if len(form.spatial_size) == 2:
        if _has_width_first(meta):
            image = image.swapaxes(1, 2)
        if len(image) == 4 and form.image_channels in (1, 3):  # alpha
            image = image[:3]
    image = _as_in_files(image, form)
    affine = _affine(meta) if image.ndim == 4 else None
    if affine is None:
        if len(form.spatial_size) == 3 and (form.spacing or form.orientation != "RAS"):
            raise ValueError(
                f"{_NAME} does not say where it lies in space, and the model takes volumes with "
                f"spacing={form.spacing}, orientation={form.orientation!r}; hand over the file, or "
                "a MetaTensor or Image whose metadata hold the affine."
            )
        return array_case(image, form, _NAME, kind=array_kind("array", image))
    case = volume_case(Volume(image, affine=affine), form, _NAME, held="array")
    return replace(case, image=with_indicators(case.image, form))


def _channels_first(values: np.ndarray, form: ImageForm, meta: Mapping[str, Any]) -> np.ndarray:
    axes = len(form.spatial_size)
    if values.ndim == axes:
        return values[None]
    if values.ndim != axes + 1:
        raise ValueError(
            f"{_NAME} has shape {values.shape}; {axes} axes are needed, and perhaps one of "
            "channels, first or last."
        )
    stated = meta.get("original_channel_dim")
    if (
        isinstance(stated, (int, np.integer))
        and stated in (0, -1, axes)
        and values.shape[stated] in (1, 3, 4, form.image_channels)
    ):
        return np.moveaxis(values, int(stated), 0)
    return np.moveaxis(values, -1, 0) if has_channels_last(values.shape) else values


def _has_width_first(meta: Mapping[str, Any]) -> bool:
    """Return whether the metadata are of a program that turns 2D images: MONAI's PILReader notes
    width and height, MONAI Deploy's DICOM operator the spacing of the rows.
    """
    return {"width", "height"} <= set(meta) or "row_pixel_spacing" in meta


def _as_in_files(image: np.ndarray, form: ImageForm) -> np.ndarray:
    """Return gray values as a file holds them: without a range they have 8 bits."""
    if form.intensity_range is not None or image.dtype == np.uint8:
        return image
    low = float(image.min())
    high = float(image.max())
    if not (low >= 0 and high <= 255 and (image == np.rint(image)).all()):
        raise ValueError(
            f"{_NAME} holds gray values from {low:g} to {high:g}; the model takes those of 8-bit "
            "files, whole numbers from 0 to 255. Hand over the image as it was read, not scaled."
        )
    return image.astype(np.uint8)


def _affine(meta: Mapping[str, Any]) -> np.ndarray | None:
    """Return the affine in RAS that metadata state; None where they state none."""
    for key in ("original_affine", "affine"):
        stated = meta.get(key)
        affine = np.asarray([] if stated is None else stated)
        # a MetaTensor without an affine has the identity
        if affine.shape == (4, 4) and (key == "original_affine" or (affine != np.eye(4)).any()):
            affine = affine.astype(np.float64)
            return LPS_TO_RAS @ affine if str(meta.get("space")).upper() == "LPS" else affine
    return None


def _meta(case: DecodedCase) -> dict[str, Any]:
    meta = {_IN_FORM: True, "original_channel_dim": 0, "remarks": list(case.remarks)}
    if case.place is not None:
        meta |= {
            "affine": case.place.affine,
            "original_affine": case.place.original_affine,
        }
    return meta
