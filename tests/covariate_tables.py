"""Images with a table of covariates, in which it is known what carries the label."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from PIL import Image


def write_covariate_table(
    folder: Path,
    *,
    cases: int = 60,
    size: tuple[int, ...] = (16, 16),
    of_covariates: float = 2.0,
    of_images: float = 0.0,
    classes: tuple[str, ...] = ("benign", "malignant"),
    seed: int = 0,
) -> Path:
    """Write images, some covariates of them and their classes; return the table.

    P(class k) follows a softmax of k times of_covariates * (age - 60) / 10 + of_images * brightness
    (standardized), centered. Sex and site say nothing; some ages and sexes are missing.

    Args:
        folder: gets images/ and table.csv with the columns image, age, sex, site, patient, class.
        cases: number of them.
        size: of the images; three axes are written as NIfTI.
        of_covariates: effect of the age.
        of_images: effect of the images.
        classes: in the order of the effects.
        seed: of everything.
    """
    rng = np.random.default_rng(seed)
    age = rng.normal(60, 10, cases)
    bright = rng.normal(0, 1, cases)
    steps = np.arange(len(classes)) - (len(classes) - 1) / 2
    logits = (of_covariates * (age - 60) / 10 + of_images * bright)[:, None] * steps
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = [rng.choice(len(classes), p=row) for row in shares]
    (folder / "images").mkdir(parents=True)
    rows = ["image,age,sex,site,patient,class"]
    for i in range(cases):
        values = np.clip(rng.normal(120, 30, size) + 25 * bright[i], 0, 255).astype(np.uint8)
        name = f"{i:03d}.png" if len(size) == 2 else f"{i:03d}.nii.gz"
        if len(size) == 2:
            Image.fromarray(values).save(folder / "images" / name)
        else:
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / "images" / name)
        shown = "" if i % 11 == 5 else f"{age[i]:.1f}"
        sex = "" if i % 13 == 7 else "fm"[int(rng.integers(2))]
        site = "ABC"[int(rng.integers(3))]
        rows.append(f"{name},{shown},{sex},{site},p{i},{classes[labels[i]]}")
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    return folder / "table.csv"
