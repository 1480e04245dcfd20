"""The resident loader on a GPU: the batches of a CPU, wherever the images lie, and no wait."""

import pytest
import torch
from handler_runs import cohort
from on_cuda import needs_cuda

from medmonai.data import Balance, ResidentLoader

pytestmark = needs_cuda


def batches(device, residency, balance):
    cases = cohort(40)
    loader = ResidentLoader(
        cases, batch_size=8, balance=balance, seed=3, device=device, residency=residency
    )
    return list(loader)


@pytest.mark.parametrize("balance", [None, Balance("oversample")], ids=["evaluation", "training"])
@pytest.mark.parametrize("residency", ["device", "host", "disk"])
def test_batches_are_those_of_the_cpu(residency, balance):
    for ours, theirs in zip(
        batches("cuda", residency, balance), batches("cpu", "host", balance), strict=True
    ):
        assert ours["image"].is_cuda and ours["label"].is_cuda
        for key in ("image", "label", "index"):
            torch.testing.assert_close(ours[key].cpu(), theirs[key], atol=0, rtol=0)


@pytest.mark.parametrize("residency", ["device", "host"])
def test_the_host_never_waits(residency):
    loader = ResidentLoader(
        cohort(40), batch_size=8, balance=Balance(), device="cuda", residency=residency
    )
    list(loader)
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert len(list(loader)) == 5
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_auto_takes_the_device():
    loader = ResidentLoader(cohort(40), batch_size=8, device="cuda")
    assert loader.residency == "device"
