"""MetaImage and NRRD files with SimpleITK, and noise to put in."""

from __future__ import annotations

import numpy as np
import pytest

sitk = pytest.importorskip("SimpleITK")


def write(path, values, *, packed=False, vector=False):
    """Write values (z, y, x) on an oblique grid."""
    image = sitk.GetImageFromArray(values, isVector=vector)
    image.SetSpacing((0.5, 1.5, 2.0))
    image.SetOrigin((10.0, -20.0, 5.0))
    image.SetDirection((0.0, 1.0, 0.0, 0.8, 0.0, 0.6, 0.6, 0.0, -0.8))
    sitk.WriteImage(image, str(path), useCompression=packed)
    return path


def noise(dtype=np.int16, *shape):
    return np.random.default_rng(0).integers(0, 200, shape or (4, 5, 6)).astype(dtype)
