"""One rank of the training in test_distributed.py: torchrun starts two of it. Argument: the folder
for the results.
"""

from __future__ import annotations

import os
import sys

import torch
from torch import distributed, nn

from medmonai.losses import AUCMarginLoss
from medmonai.networks import reset_head
from medmonai.optimizers import PESG

CASES = {"random_start": ("libauc", False), "built_before_the_group": ("initial", True)}


def train(folder, case, reference, early):
    torch.manual_seed(0)
    network, loss_fn = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1)), AUCMarginLoss()
    if early:
        optimizer = PESG(network.parameters(), loss_fn=loss_fn, reference=reference, lr=0.05)
    # A store of its own for each case: torchrun's still holds the addresses of the group before.
    rank = int(os.environ["RANK"])
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/{case}-store", rank=rank, world_size=2
    )
    torch.manual_seed(100 + rank)
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
    state = {
        "weights": list(network.parameters()),
        "abc": [loss_fn.a, loss_fn.b, loss_fn.alpha],
        "reference": optimizer.model_ref,
        "sums": optimizer.model_acc,
    }
    torch.save(
        {key: [t.detach() for t in value] for key, value in state.items()},
        f"{folder}/{case}-{rank}.pt",
    )
    # A DistributedDataParallel that outlives its group can hang in gloo's destructor (torch 2.13).
    del wrapped
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, options in CASES.items():
        train(sys.argv[1], case, *options)
