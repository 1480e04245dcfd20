"""Every transform, both doors: equal to MONAI's, batch equal to elements, dtype, pickling."""

import copy
import inspect
import pickle

import monai.transforms as mt
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from transform_settings import (
    ARGUMENTS,
    KEEPS_DTYPE,
    NAMES,
    OURS_ALONE,
    RANDOM,
    batch_of,
    both_dims,
    every,
    make,
    seeded,
)

import medmonai.transforms as mm


def test_table_is_complete():
    arrays = {
        n
        for n in mm.__all__
        if inspect.isclass(getattr(mm, n)) and issubclass(getattr(mm, n), mm.BatchTransform)
    }
    assert arrays - {"BatchTransform", "Resize"} == set(NAMES)  # Resize: test_size.py
    assert {f"{name}d" for name in NAMES} <= set(mm.__all__)


@pytest.mark.parametrize("name", sorted(set(NAMES) - OURS_ALONE))
@both_dims
def test_element_door_is_monais(name, size):
    ours, theirs = make(name), getattr(mt, name)(**ARGUMENTS[name])
    for seed, image in enumerate(batch_of(size, 6)):
        if name in RANDOM:
            ours.set_random_state(seed)
            theirs.set_random_state(seed)
        expected = theirs(image.clone())
        assert torch.equal(torch.as_tensor(ours(image)), torch.as_tensor(expected))


@pytest.mark.parametrize("name", sorted(set(NAMES) - OURS_ALONE))
def test_positional_arguments_are_monais(name):
    ours = list(inspect.signature(getattr(mm, name)).parameters.values())
    theirs = list(inspect.signature(getattr(mt, name)).parameters.values())
    for place, argument in enumerate(ours):
        match = {a.name: a for a in theirs}[argument.name]
        assert argument.default == match.default
        assert argument.kind is argument.KEYWORD_ONLY or theirs[place].name == argument.name


def one(draws, i):
    """The draws of sample i alone; noise has rows for the chosen samples only."""
    part = {key: value[i : i + 1] for key, value in draws.items() if key != "noise"}
    if "noise" in draws:
        row = int(draws["chosen"][:i].sum())
        part["noise"] = draws["noise"][row : row + int(draws["chosen"][i])]
    return part


@every
@both_dims
def test_batch_is_its_samples_one_by_one(name, size):
    transform, x = make(name), batch_of(size)
    draws = transform.draw(x, seeded())
    out = transform.batch(x, seeded())
    single = torch.cat([transform.apply(x[i : i + 1], one(draws, i)) for i in range(len(x))])
    torch.testing.assert_close(out, single, rtol=1e-5, atol=2e-6)


def monai_element(name, image, draw, transform):
    """MONAI's own deterministic transform with the parameters of one draw."""
    if name == "RandFlip":
        return mt.Flip(1)(image) if draw["chosen"] else image
    if name == "RandRotate90":
        return mt.Rotate90(int(draw["k"]))(image) if draw["k"] else image
    if name in ("RandAffine", "RandRotate"):
        if not draw["chosen"]:
            return image
        matrix = torch.eye(image.ndim)
        matrix[:-1] = draw["matrix"][0]
        return mt.Affine(affine=matrix, padding_mode=transform.padding_mode)(image)[0]
    if name == "RandGaussianNoise":
        return image + draw["noise"][0] if draw["chosen"] else image
    if name == "RandScaleIntensity":
        channels = zip(image, draw["factor"][0])
        return torch.stack(
            [mt.ScaleIntensity(None, None, float(f))(c[None])[0] for c, f in channels]
        )
    if name == "RandShiftIntensity":
        return mt.ShiftIntensity(float(draw["offset"]))(image)
    if name == "RandAdjustContrast":
        settings = {"invert_image": True, "retain_stats": True}
        return (
            mt.AdjustContrast(float(draw["gamma"]), **settings)(image) if draw["chosen"] else image
        )
    if name == "RandColorJitter":
        transform.factors = {key: float(draw[key]) for key in transform.limits}
        transform._do_transform = bool(draw["chosen"])
        return transform(image, randomize=False)
    if name == "RandAxisPermute":
        transform.choice = int(draw["choice"])
        return transform(image, randomize=False)
    return getattr(mt, name)(**ARGUMENTS[name])(image)


@every
@both_dims
def test_batch_is_monais_for_the_same_parameters(name, size):
    transform, x = make(name), batch_of(size)
    draws = transform.draw(x, seeded(3))
    out = transform.batch(x, seeded(3))
    tolerance = 2e-3 if name in ("RandAffine", "RandRotate") else 5e-6
    changed = 0
    for i, image in enumerate(x):
        expected = torch.as_tensor(monai_element(name, image.clone(), one(draws, i), transform))
        torch.testing.assert_close(out[i], expected, rtol=1e-5, atol=tolerance)
        changed += not torch.equal(out[i], image)
    assert changed > 3


@every
@both_dims
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32, torch.float64])
def test_input_is_never_modified_and_dtype_is_as_documented(name, size, dtype):
    x = batch_of(size, dtype=dtype)
    before = x.clone()
    out = make(name).batch(x, seeded())
    assert torch.equal(x, before)
    assert out.shape == x.shape and not isinstance(out, MetaTensor)
    assert out.dtype == (dtype if name in KEEPS_DTYPE else torch.float32)
    element = make(name)(x[0])
    assert torch.equal(x, before)
    assert element.dtype == out.dtype


@every
@both_dims
def test_overwrite_gives_the_same(name, size):
    x = batch_of(size)
    expected = make(name).batch(x, seeded())
    assert torch.equal(make(name).batch(x.clone(), seeded(), overwrite=True), expected)


@every
def test_pickled_copy_and_same_generator_state_give_the_same(name):
    transform, x = make(name), batch_of((8, 8))
    # What a DataLoader's worker processes get.
    twin = pickle.loads(pickle.dumps(transform))
    first = transform.batch(x, seeded(5))
    assert torch.equal(twin.batch(x, seeded(5)), first)
    assert torch.equal(copy.deepcopy(transform).batch(MetaTensor(x), seeded(5)), first)
    generator = seeded(5)
    transform.batch(x, generator)
    assert name not in RANDOM or not torch.equal(transform.batch(x, generator), first)


@every
def test_wrong_input_is_an_error(name):
    for shape in ((3, 8), (3, 8, 8), (1, 3, 4, 4, 4, 4)):
        with pytest.raises(ValueError, match=f"{name}.batch got a tensor of shape"):
            make(name).batch(torch.zeros(shape), seeded())
    with pytest.raises(TypeError, match=f"{name}.batch got ndarray"):
        make(name).batch(np.zeros((1, 3, 8, 8)), seeded())


@every
def test_empty_batch_and_batch_of_one(name):
    assert make(name).batch(torch.zeros(0, 3, 8, 8), seeded()).shape == (0, 3, 8, 8)
    assert make(name).batch(torch.rand(1, 3, 8, 8), seeded()).shape == (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("RandRotate90", {"max_k": 0}), "max_k=0"),
        (("RandRotate90", {"spatial_axes": (1, 1)}), "two different axes"),
        (("RandAxisPermute", {"spatial_axes": (1, 1)}), "each axis once"),
        (("RandRotate", {"keep_size": False}), "keep_size=False"),
        (("RandAffine", {"mode": "bicubic"}), "mode='bicubic'"),
        (("RandAffine", {"padding_mode": "wrap"}), "padding_mode='wrap'"),
        (("RandAffine", {"rotate_range": [(1, 2, 3)]}), "rotate_range of RandAffine holds"),
        (("RandGaussianNoise", {"std": -1}), "std=-1"),
        (("RandAdjustContrast", {"gamma": (-1, 2)}), "above 0"),
        (("RandColorJitter", {"hue": 0.6}), "hue="),
        (("RandColorJitter", {"brightness": (-1, 2)}), "brightness="),
        (("RandColorJitter", {"value_max": 0}), "value_max=0"),
        (("NormalizeIntensity", {"subtrahend": 0.5}), "give a sequence"),
        (("ScaleIntensityRange", {"a_min": 1, "a_max": 1}), "must have a width"),
        (("ScaleIntensityRange", {"b_min": None, "b_max": None}), "an end to clip to"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(arguments[0], **arguments[1])


def test_batches_that_do_not_fit():
    for name in ("RandRotate90", "RandAxisPermute"):
        with pytest.raises(ValueError, match="must be equal"):
            make(name, prob=1).batch(torch.zeros(2, 3, 8, 6), seeded())
    with pytest.raises(ValueError, match="needs 3"):
        make("RandColorJitter", prob=1).batch(torch.zeros(2, 1, 8, 8), seeded())
    with pytest.raises(ValueError, match="subtrahend has 2 numbers, the batch 3 channels"):
        make("NormalizeIntensity", subtrahend=[0, 1]).batch(torch.zeros(2, 3, 8, 8), seeded())
