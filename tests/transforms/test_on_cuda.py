"""Batched transforms on a GPU: the same draws, the same images, and no wait of the host."""

import pytest
import torch
from on_cuda import needs_cuda
from transform_settings import NAMES, batch_of, both_dims, make, seeded

import medmonai.transforms as mm

pytestmark = needs_cuda


@both_dims
@pytest.mark.parametrize("name", sorted({*NAMES} - {"RandGaussianNoise"}))
def test_gpu_and_cpu_make_the_same_images(name, size):
    transform = make(name)
    x = batch_of(size)
    expected = transform.batch(x.clone(), seeded())
    found = transform.batch(x.cuda(), seeded())
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), expected, atol=2e-3 * float(x.max()), rtol=1e-4)


@both_dims
def test_a_pipeline_never_waits_for_the_device(size):
    pipeline = mm.BatchCompose([make(name) for name in NAMES])
    x = batch_of(size).cuda()
    pipeline.batch(x, seeded())
    torch.cuda.set_sync_debug_mode("error")
    try:
        pipeline.batch(x, seeded())
    finally:
        torch.cuda.set_sync_debug_mode("default")


@both_dims
def test_noise_is_drawn_on_the_device_and_repeats_itself(size):
    noise = make("RandGaussianNoise", prob=1.0, mean=0.0, std=0.3, sample_std=False)
    x = torch.zeros(64, 3, *size, device="cuda")
    first, again, other = (noise.batch(x, seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert abs(float(first.std()) - 0.3) < 0.01 and abs(float(first.mean())) < 0.01
