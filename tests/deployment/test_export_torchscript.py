"""A model as a TorchScript file has the numbers of `predict`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from exported_numbers import pictures, same
from tiny_models import tiny_model

from medmonai.deployment import export_model, predict
from medmonai.transforms import BatchCompose, Resize, ScaleIntensityRange

CASES = {
    "colors": ("binary", {"size": (12, 17), "channels": 3, "form": {"aspect": "crop"}}, (3,)),
    "grades": ("ordinal", {"size": (12, 17), "members": 3}, ()),
    "window": ("multiclass", {"size": (9, 9), "form": {"intensity_range": (10.0, 200.0)}}, ()),
    "enlarged": (
        "binary",
        {
            "size": (12, 12),
            "preprocessing": BatchCompose([ScaleIntensityRange(0, 255), Resize((20, 24))]),
        },
        (),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_torchscript_has_the_same_numbers(name, tmp_path):
    kind, fields, channels = CASES[name]
    model = tiny_model(kind, **fields)
    (tmp_path / "in").mkdir()
    arrays = pictures(tmp_path / "in", channels)
    expected = list(predict(model, tmp_path / "in"))
    path, *_ = export_model(model, tmp_path / "model.pt")
    same(list(predict(path, tmp_path / "in")), expected)
    network = torch.jit.load(str(path))
    for values, case in zip(arrays, expected):
        image = torch.from_numpy(values if values.ndim == 3 else values[..., None])[None]
        found = network(image.float() if name == "window" else image)
        np.testing.assert_allclose(found[0][0].detach(), case.probabilities, atol=1e-5)


def test_stretched_volumes_in_torchscript(tmp_path):
    model = tiny_model("ordinal", size=(7, 8, 9))
    values = np.random.default_rng(0).integers(0, 256, (3, 12, 15, 6), dtype=np.uint8)
    np.savez(tmp_path / "new.npz", images=values)
    expected = list(predict(model, tmp_path / "new.npz"))
    path, *_ = export_model(model, tmp_path / "model.pt")
    same(list(predict(path, tmp_path / "new.npz")), expected)
    found = torch.jit.load(str(path))(torch.from_numpy(values))
    np.testing.assert_allclose(
        found[0].detach(), [case.probabilities for case in expected], atol=1e-5
    )
