"""Arrays of random gray values, and NIfTI files of them."""

from __future__ import annotations

import nibabel
import numpy as np

RNG = np.random.default_rng(0)


def grey(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def save_nifti(path, data, affine=None):
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
