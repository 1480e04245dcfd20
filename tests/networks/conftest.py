"""What the tests of networks share."""

from __future__ import annotations

import numpy as np
import pytest
import torch


@pytest.fixture
def same_in_onnx(tmp_path):
    """Call with a network in evaluation mode and an input: fails where ONNX Runtime gives other
    logits.
    """
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")

    def check(network, x):
        path = tmp_path / "network.onnx"
        torch.onnx.export(network, (x,), path, dynamo=True, verbose=False)
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (logits,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        np.testing.assert_allclose(logits, network(x).detach().numpy(), rtol=1e-4, atol=1e-5)

    return check
