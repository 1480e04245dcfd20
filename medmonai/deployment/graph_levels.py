"""From decoded images to the gray levels that a network's own transforms begin with, as they can
stand in an exported file: the same numbers as `medmonai.data.files.read_case` makes.
"""

from __future__ import annotations

import torch
from torch import nn

from medmonai.data import ImageForm

from .graph_resampling import (
    PILLOW_UNIT,
    picture_weights,
    positions,
    resample_volume,
    resize_8_bits,
    resize_float32,
    torch_unit,
    volume_weights,
)

_LUMA = (0.299, 0.587, 0.114, 0.0)  # the fourth is alpha
_PILLOW_LUMA = (19595.0, 38470.0, 7471.0, 0.0)  # of 2^16
_ONE = 65536.0


class PictureLevels(nn.Module):
    """Gray levels of pictures (B, H, W, C) of any size: whole numbers (B, channels, *spatial_size),
    float64.

    Args:
        form: of the model.
        from_columns: whether each channel is a file of its own, and none of them a color.
    """

    def __init__(self, form: ImageForm, *, from_columns: bool) -> None:
        super().__init__()
        self.form = form
        self.any_color = takes_any_color(form, from_columns=from_columns)

    def forward(self, image: torch.Tensor, spacing: torch.Tensor | None) -> torch.Tensor:
        """Return the gray levels; `spacing` is None."""
        height, width, size = image.shape[1], image.shape[2], self.form.spatial_size
        rows, columns = picture_weights(height, width, (size[0], size[1]), self.form.aspect)
        count = positions(image.shape[3]).max() + 1
        if self.form.intensity_range is not None:
            x = windowed(image.movedim(3, 1), self.form).movedim(1, 3)
            if self.any_color:
                x = (x.double() @ self._mixing(image.shape[3], _LUMA, 1.0)).float()
            return resize_float32(x.movedim(3, 1), rows, columns)
        x = image.double()
        units = [torch.tensor(PILLOW_UNIT, dtype=torch.float64)] * 2
        if self.any_color:
            x = x @ self._mixing(image.shape[3], _PILLOW_LUMA, _ONE)
            x = torch.floor((x + _ONE / 2) / _ONE)
            if self.form.image_channels == 3:
                gray = count == 1
                units = [torch.where(gray, units[0], torch_unit(w)) for w in (rows, columns)]
        return resize_8_bits(x.movedim(3, 1), rows, columns, units)

    def _mixing(self, count: int, luma: tuple[float, ...], one: float) -> torch.Tensor:
        """Return the matrix (C, channels) from 1, 3 or 4 channels to gray or to three colors."""
        channels = positions(count)
        held = channels.max() + 1
        # Two channels, and more than four, index a row that does not exist: an error.
        index = (channels + torch.where(held == 2, 4.0, 0.0)).long()
        if self.form.image_channels == 1:
            gray = torch.tensor([[one], [0.0], [0.0], [0.0]], dtype=torch.float64)
            color = torch.tensor(luma, dtype=torch.float64)[:, None]
        else:
            gray = one * torch.eye(4, 1, dtype=torch.float64).repeat(1, 3)
            color = one * torch.eye(4, 3, dtype=torch.float64)
        return torch.where(held == 1, gray[index], color[index])


class VolumeLevels(nn.Module):
    """Gray levels of volumes (B, D, H, W), or (B, D, H, W, C) with several channels, whose axes run
    as the form's: whole numbers (B, channels, *spatial_size), float64.

    Args:
        form: of the model.
        from_columns: whether each channel is a file of its own.
    """

    def __init__(self, form: ImageForm, *, from_columns: bool) -> None:
        super().__init__()
        self.form = form

    def forward(self, image: torch.Tensor, spacing: torch.Tensor | None) -> torch.Tensor:
        """Return the gray levels.

        Args:
            image: the volumes.
            spacing: (B, 3) millimeters between voxels; None where volumes are stretched.
        """
        x = image[:, None] if self.form.image_channels == 1 else image.movedim(4, 1)
        x = x.double() if self.form.intensity_range is None else windowed(x, self.form).double()
        weights = []
        for axis, count in enumerate(self.form.spatial_size):
            given = None
            if spacing is not None and self.form.spacing is not None:
                given = (spacing[:, axis].double(), self.form.spacing[axis])
            weights.append(volume_weights(x.shape[axis + 2], count, given))
        return resample_volume(x, weights)


def takes_any_color(form: ImageForm, *, from_columns: bool) -> bool:
    """Return whether a model takes gray images, colors, and colors with alpha alike."""
    window = form.intensity_range
    per_channel = window is not None and isinstance(window[0], tuple)
    pictures = len(form.spatial_size) == 2
    return pictures and form.image_channels in (1, 3) and not from_columns and not per_channel


def windowed(x: torch.Tensor, form: ImageForm) -> torch.Tensor:
    """Return gray values (B, C, *spatial) as 0 to 255, float32."""
    window = form.intensity_range
    assert window is not None
    pairs = torch.tensor(window, dtype=torch.float64).reshape(-1, 2)
    ends = pairs.T.reshape(2, 1, -1, *[1] * (x.ndim - 2))
    low = ends[0].float()
    high = ends[1].float()
    factor = (255 / (ends[1] - ends[0])).float()
    return (torch.minimum(torch.maximum(x.float(), low), high) - low) * factor
