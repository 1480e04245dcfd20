"""BatchCompose: both doors, stock MONAI transforms, seeds, pickling."""

import pickle

import monai.transforms as mt
import pytest
import torch
from monai.data import MetaTensor

import medmonai.transforms as mm


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def chain(size):
    return mm.BatchCompose(
        [
            mm.RandFlip(prob=0.5),
            mm.ScaleIntensityRange(0, 255, 0, 1),
            mm.RandAffine(prob=0.5, rotate_range=0.2, translate_range=[2] * len(size)),
            mt.RandGaussianSmooth(prob=0.5),
            mm.RandGaussianNoise(prob=0.5, std=0.05),
            mm.NormalizeIntensity(0.5, 0.5),
        ]
    )


def images(size, count=12):
    return torch.randint(0, 256, (count, 1, *size), dtype=torch.uint8, generator=seeded())


@pytest.mark.parametrize("size", [(12, 12), (8, 8, 8)])
def test_batch_runs_each_in_turn(size):
    compose, x = chain(size), images(size)
    ours = [t for t in compose.transforms if isinstance(t, mm.BatchTransform)]
    compose = mm.BatchCompose(ours)
    generator, expected = seeded(), x
    for transform in ours:
        expected = transform.batch(expected, generator)
    assert torch.equal(compose.batch(x, seeded()), expected)
    assert torch.equal(compose.batch(x.clone(), seeded(), overwrite=True), expected)
    assert torch.equal(x, images(size))


@pytest.mark.parametrize("size", [(12, 12), (8, 8, 8)])
def test_stock_transforms_work_and_follow_the_generator(size):
    compose, x = chain(size), images(size)
    first = compose.batch(x, seeded(1))
    assert first.dtype == torch.float32 and not isinstance(first, MetaTensor)
    # What a DataLoader's worker processes get.
    assert torch.equal(pickle.loads(pickle.dumps(compose)).batch(x, seeded(1)), first)
    assert not torch.equal(compose.batch(x, seeded(2)), first)


def test_stock_transform_is_applied_to_each_sample():
    x = torch.rand(5, 1, 8, 8)
    out = mm.BatchCompose([mt.Flip(0), mt.NormalizeIntensity(channel_wise=True)]).batch(x, seeded())
    expected = torch.stack([torch.as_tensor(mt.NormalizeIntensity()(image.flip(1))) for image in x])
    torch.testing.assert_close(out, expected)
    smooth = mt.RandGaussianSmooth(prob=0.5)
    once = mm.BatchCompose([smooth]).batch(x, seeded(3))
    assert 0 < sum(torch.equal(a, b) for a, b in zip(once, x)) < 5


def test_stock_transform_that_writes_into_its_input_does_not_reach_ours():
    x = torch.rand(5, 2, 8, 8)
    before = x.clone()
    mm.BatchCompose([mt.NormalizeIntensity(nonzero=True, channel_wise=True)]).batch(x, seeded())
    assert torch.equal(x, before)


class Crop:
    """Somebody's own transform with a batch door: it hands out a view of its input."""

    def batch(self, x, generator):
        return x[..., 1:]

    def __call__(self, x):
        return x[..., 1:]


def test_a_view_of_the_input_is_not_overwritten():
    x = torch.rand(4, 1, 8, 8)
    before = x.clone()
    for transforms in (
        [Crop(), mm.NormalizeIntensity()],
        [Crop(), mm.RandFlip(prob=0.9), mm.NormalizeIntensity()],
    ):
        out = mm.BatchCompose(transforms).batch(x, seeded())
        assert torch.equal(x, before) and out.shape == (4, 1, 8, 7)


def test_input_handed_through_unchanged_is_not_overwritten():
    x = torch.rand(4, 1, 8, 8)
    before = x.clone()
    mm.BatchCompose([mm.RandFlip(prob=1e-9), mm.NormalizeIntensity()]).batch(x, seeded())
    assert torch.equal(x, before)


def test_empty_and_nested():
    x = torch.rand(3, 1, 8, 8)
    assert torch.equal(mm.BatchCompose([]).batch(x, seeded()), x)
    assert torch.equal(mm.BatchCompose()(x[0]), x[0])
    flip = mm.RandFlip(prob=0.5)
    nested = mm.BatchCompose([mm.BatchCompose([flip]), mm.BatchCompose([])])
    assert torch.equal(nested.batch(x, seeded(4)), flip.batch(x, seeded(4)))


@pytest.mark.parametrize("size", [(12, 12), (8, 8, 8)])
def test_element_door_is_monais_compose_under_a_seed(size):
    x = images(size)
    ours, theirs = chain(size), mt.Compose(chain(size).transforms)
    first = [torch.as_tensor(ours.set_random_state(3)(image)) for image in x]
    second = [torch.as_tensor(theirs.set_random_state(3)(image)) for image in x]
    assert all(torch.equal(a, b) for a, b in zip(first, second))


def test_errors():
    with pytest.raises(ValueError, match=r"BatchCompose\.batch got a tensor of shape"):
        mm.BatchCompose([]).batch(torch.zeros(3, 3), seeded())
    with pytest.raises(TypeError, match="needs transforms"):
        mm.BatchCompose([3])
