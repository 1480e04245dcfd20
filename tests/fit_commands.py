"""Fits through the command line, for tests."""

from __future__ import annotations

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from medmonai.__main__ import app


def save(cohort, folder, names=None):
    """Save a cohort as class folders of PNG files, two cases a patient; return the folder."""
    for i, (image, label) in enumerate(zip(cohort.images, cohort.labels)):
        path = folder / cohort.class_names[int(label)] if names is None else folder
        path.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(image)[0]).save(path / f"p{i // 2:02d}_{i:03d}.png")
    return folder


def call(*words, code=0):
    """Run a command of medmonai that is expected to end with a code."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done
