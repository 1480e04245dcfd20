"""PESG and its loss on a GPU: the update of a CPU, no wait of the host, the state, a CUDA graph."""

import copy

import torch
from on_cuda import needs_cuda
from torch import nn

from medmonai.losses import AUCMarginLoss
from medmonai.optimizers import PESG

pytestmark = needs_cuda
torch.manual_seed(0)
X = torch.randn(64, 5)
Y = (X[:, 0] + 0.5 * torch.randn(64) > 0).long()


def made(device, network):
    network = copy.deepcopy(network).to(device)
    loss = AUCMarginLoss().to(device)
    return network, loss, PESG(network.parameters(), loss_fn=loss, lr=0.05)


def steps(network, loss, optimizer, count):
    device = next(network.parameters()).device
    x, y = X.to(device), Y.to(device)
    for _ in range(count):
        optimizer.zero_grad()
        loss(network(x), y).backward()
        optimizer.step()


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))


def test_updates_are_those_of_the_cpu():
    start = network()
    ours, theirs = made("cuda", start), made("cpu", start)
    for parts in (ours, theirs):
        steps(*parts, 10)
        parts[2].update_regularizer(10)
        steps(*parts, 10)
    for a, b in zip(ours[0].parameters(), theirs[0].parameters()):
        torch.testing.assert_close(a.cpu(), b, atol=1e-5, rtol=1e-4)
    for key, value in theirs[1].state_dict().items():
        torch.testing.assert_close(ours[1].state_dict()[key].cpu(), value, atol=1e-5, rtol=1e-4)


def test_a_step_never_waits():
    parts = made("cuda", network())
    steps(*parts, 2)
    x, y = X.cuda(), Y.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        parts[2].zero_grad()
        parts[1](parts[0](x), y).backward()
        parts[2].step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_wrong_label_makes_the_loss_nan():
    loss = AUCMarginLoss().cuda()
    with torch.no_grad():
        assert torch.isnan(loss(torch.zeros(4, 1).cuda(), torch.tensor([0, 1, 2, 1]).cuda()))


def test_a_state_saved_on_the_gpu_goes_on_on_either_device():
    first = made("cuda", network())
    steps(*first, 5)
    saved = copy.deepcopy([part.state_dict() for part in first])
    steps(*first, 5)
    for device in ("cuda", "cpu"):
        again = made(device, network())
        for part, state in zip(again, saved):
            part.load_state_dict(state)
        steps(*again, 5)
        for a, b in zip(again[0].parameters(), first[0].parameters()):
            torch.testing.assert_close(a.cpu(), b.cpu(), atol=1e-5, rtol=1e-4)


def test_a_replayed_graph_takes_the_same_steps():
    start = network()
    eager, _, _ = parts = made("cuda", start)
    steps(*parts, 13)
    captured, loss, _ = made("cuda", start)
    optimizer = PESG(captured.parameters(), loss_fn=loss, lr=torch.tensor(0.05, device="cuda"))
    x, y = X.cuda(), Y.cuda()

    def step():
        optimizer.zero_grad()
        loss(captured(x), y).backward()
        optimizer.step()

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    for _ in range(10):
        graph.replay()
    for a, b in zip(captured.parameters(), eager.parameters()):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
