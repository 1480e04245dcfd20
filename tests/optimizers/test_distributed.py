"""PESG on two gloo processes: the ranks agree, whatever their seeds and whenever the optimiser was built."""

from __future__ import annotations

import pytest
import torch
from torch import distributed, multiprocessing, nn

from medmonai.losses import AUCMarginLoss
from medmonai.networks import reset_head
from medmonai.optimizers import PESG

CASES = {"random_start": ("libauc", False), "built_before_the_group": ("initial", True)}


def work(rank, folder):
    torch.set_num_threads(1)
    for case, options in CASES.items():
        train(rank, f"{folder}/{case}", *options)


def train(rank, folder, reference, early):
    torch.manual_seed(0)
    network, loss_fn = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1)), AUCMarginLoss()
    torch.manual_seed(100 + rank)
    if early:
        optimizer = PESG(network.parameters(), loss_fn=loss_fn, reference=reference, lr=0.05)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2)
    if not early:
        optimizer = PESG(network.parameters(), loss_fn=loss_fn, reference=reference, lr=0.05)
    wrapped = nn.parallel.DistributedDataParallel(network)
    for step in range(12):
        optimizer.zero_grad()
        x = torch.randn(8 + 4 * rank, 4)
        labels = (x[:, 0] + 0.5 > 0.3 * rank).long()
        loss_fn(wrapped(x), labels).backward()
        optimizer.step()
        if step == 5:
            optimizer.update_regularizer(decay_factor=2)
            reset_head(wrapped)
            optimizer.set_reference()
    state = {"weights": list(network.parameters()), "abc": [loss_fn.a, loss_fn.b, loss_fn.alpha],
             "reference": optimizer.model_ref, "sums": optimizer.model_acc}
    torch.save({key: [t.detach() for t in value] for key, value in state.items()}, f"{folder}/{rank}.pt")
    # A DistributedDataParallel that outlives its group can hang in gloo's destructor (torch 2.13).
    del wrapped
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both cases in one pair of processes: starting them costs more than the training."""
    folder = tmp_path_factory.mktemp("ranks")
    for case in CASES:
        (folder / case).mkdir()
    multiprocessing.spawn(work, args=(str(folder),), nprocs=2)
    return folder


@pytest.mark.parametrize("case", list(CASES))
def test_two_ranks_agree(case, folder):
    first, second = (torch.load(folder / case / f"{rank}.pt", weights_only=True) for rank in range(2))
    for key, tensors in first.items():
        for one, two in zip(tensors, second[key]):
            assert torch.equal(one, two), key
    assert first["abc"][2] > 0
