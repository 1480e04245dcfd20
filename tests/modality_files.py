"""Sources of several channels for tests: tables of modalities, and files with channels."""

from __future__ import annotations

import nibabel
import numpy as np
from PIL import Image

from medmonai.data import PhantomDesign, modality_phantom

NAMES = ("t1", "t2", "flair", "dose", "pet")


def write_modalities(folder, *, dims=2, channels=3, cases=48, missing=(), size=16):
    """Write a table of modalities drawn by `modality_phantom`; return it and the drawn cohort.

    The second channel holds more than 8 bits. `missing` are (case, channel) pairs without a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cohort = modality_phantom(
        split="train", design=PhantomDesign((size,) * dims, noise_sd=8), num_cases=cases
    )
    rows = [",".join(["id", *NAMES[:channels], "y"])]
    for i, (image, label) in enumerate(zip(cohort.images, cohort.labels)):
        cells = []
        for channel in range(channels):
            if (i, channel) in missing:
                cells.append("")
                continue
            values = image[channel % 3]
            name = f"{i:03d}_{NAMES[channel]}.{'png' if dims == 2 else 'nii.gz'}"
            if dims == 2:
                deep = values.astype(np.uint16) * 16
                Image.fromarray(deep if channel == 1 else values).save(folder / name)
            else:
                deep = values.astype(np.float32) * 10 - 1024
                stored = deep if channel == 1 else values
                nibabel.save(nibabel.Nifti1Image(stored, np.eye(4)), folder / name)
            cells.append(name)
        rows.append(",".join([f"{i:03d}", *cells, cohort.class_names[label]]))
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    return folder / "table.csv", cohort
