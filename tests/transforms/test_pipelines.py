"""Every dictionary twin in MONAI's pipelines: record and inverse, lazy, cached, collated, in
workers, several keys, affines.
"""

import pickle
from math import pi

import monai.transforms as mt
import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, MetaTensor, decollate_batch, list_data_collate
from monai.data.utils import to_affine_nd

import medmonai.transforms as mm

ARGUMENTS = {
    "RandFlip": {"spatial_axis": 0},
    "RandRotate90": {"max_k": 3},
    "RandAxisPermute": {},
    "RandRotate": {"range_x": pi / 3, "range_z": 0.5},
    "RandAffine": {
        "rotate_range": [0.5],
        "translate_range": [2, 1],
        "scale_range": [0.2, (-0.1, 0.3)],
    },
    "RandGaussianNoise": {"std": 0.3},
    "RandScaleIntensity": {"factors": 0.3, "channel_wise": True},
    "RandShiftIntensity": {"offsets": 0.3},
    "RandAdjustContrast": {"gamma": (0.5, 2)},
    "RandColorJitter": {"brightness": 0.3, "hue": 0.2},
    "NormalizeIntensity": {},
    "ScaleIntensity": {"minv": -1.0, "maxv": 1.0},
    "ScaleIntensityRange": {"a_min": 0, "a_max": 0.5, "b_min": 0.0, "b_max": 1.0},
    "Resize": {},
}
SPATIAL = {"RandFlip", "RandRotate90", "RandAxisPermute", "RandRotate", "RandAffine", "Resize"}
EXACT = {"RandFlip", "RandRotate90", "RandAxisPermute"}
RESAMPLING = {"RandRotate", "RandAffine", "Resize"}
SIZES = [(9, 9), (8, 8, 8)]

every = pytest.mark.parametrize("name", sorted(ARGUMENTS))
both_dims = pytest.mark.parametrize("size", SIZES, ids=["2D", "3D"])


def channels_of(name):
    return (3,) if name == "RandColorJitter" else (1, 3, 5)


def twin(name, size, keys=("image",), prob=1.0, **more):
    chance = {"prob": prob} if name.startswith("Rand") else {}
    fixed = {"spatial_size": [n + 3 for n in size]} if name == "Resize" else {}
    return getattr(mm, f"{name}d")(keys, **ARGUMENTS[name], **chance, **fixed, **more)


def image(size, channels=3, seed=0):
    """A MetaTensor with an affine that has three different spacings and a name."""
    values = torch.rand(channels, *size, generator=torch.Generator().manual_seed(seed))
    affine = torch.diag(torch.tensor([2.0, 3.0, 5.0, 1.0], dtype=torch.float64))
    affine[:3, 3] = torch.tensor([-10.0, 20.0, 7.0])
    return MetaTensor(values, affine=affine, meta={"filename_or_obj": "a.nii.gz"})


def classes(x):
    return [step["class"] for step in x.applied_operations]


def test_table_is_complete():
    assert set(ARGUMENTS) == {name for name in mm.__all__ if f"{name}d" in mm.__all__}


@every
@both_dims
@pytest.mark.parametrize("prob", [1.0, 0.5, 1e-9])
def test_record_and_inverse(name, size, prob):
    for channels in channels_of(name):
        x = image(size, channels)
        chain = mt.Compose(
            [
                mm.RandFlipd("image", prob=1.0, spatial_axis=0),
                twin(name, size, prob=prob),
                mm.RandRotate90d("image", prob=1.0),
            ]
        ).set_random_state(3)
        out = chain({"image": x.clone()})["image"]
        assert classes(out) == ["RandFlip", *([name] if name in SPATIAL else []), "RandRotate90"]
        assert out.meta["filename_or_obj"] == "a.nii.gz" and out.shape[0] == channels
        back = chain.inverse({"image": out})["image"]
        assert back.shape == x.shape and classes(back) == []
        torch.testing.assert_close(back.affine, x.affine, rtol=0, atol=1e-5)
        if name in EXACT or (prob < 0.01 and name.startswith("Rand")):
            assert torch.equal(back.as_tensor(), x.as_tensor())


@every
@both_dims
def test_invertd(name, size):
    chain = mt.Compose([twin(name, size)])
    item = chain({"image": image(size)})
    item["pred"] = item["image"].clone()
    inverted = mt.Invertd("pred", transform=chain, orig_keys="image", nearest_interp=False)(item)[
        "pred"
    ]
    assert inverted.shape == (3, *size)
    if name in EXACT:
        assert torch.equal(inverted.as_tensor(), image(size).as_tensor())


@every
@both_dims
@pytest.mark.parametrize("prob", [1.0, 0.5])
def test_lazy_pipelines_give_the_same(name, size, prob):
    def run(lazy):
        chain = mt.Compose(
            [
                mt.Flipd("image", spatial_axis=0),
                twin(name, size, prob=prob),
                mt.Flipd("image", spatial_axis=1),
            ],
            lazy=lazy,
        )
        return chain.set_random_state(5)({"image": image(size)})["image"]

    eager, lazily = run(False), run(True)
    torch.testing.assert_close(lazily.as_tensor(), eager.as_tensor(), rtol=1e-4, atol=1e-4)
    # MONAI's lazy 2D affines lack the third axis
    places = [to_affine_nd(len(size), x.affine) for x in (lazily, eager)]
    assert torch.allclose(*places) and not lazily.pending_operations


@every
@both_dims
def test_cached_collated_and_taken_apart(name, size):
    data = [{"image": image(size, seed=seed), "label": seed} for seed in range(2)]
    chain = mt.Compose([mt.EnsureTyped("image"), twin(name, size)]).set_random_state(1)
    cached = CacheDataset(data, chain, progress=False)
    kept = cached._cache[0]["image"].as_tensor()
    # what is random is not cached
    assert torch.equal(kept, data[0]["image"].as_tensor()) == name.startswith("Rand")
    batch = list_data_collate([cached[0], cached[1]])
    assert batch["image"].shape[:2] == (2, 3) and batch["label"].tolist() == [0, 1]
    for item in decollate_batch(batch):
        assert classes(item["image"]) == ([name] if name in SPATIAL else [])
        assert chain.inverse({"image": item["image"]})["image"].shape == (3, *size)


def test_in_the_processes_of_a_loader():
    for name in ARGUMENTS:
        transform = twin(name, (9, 9))
        assert isinstance(pickle.loads(pickle.dumps(transform)), type(transform))
    data = CacheDataset(
        [{"image": image((9, 9), seed=seed)} for seed in range(4)],
        progress=False,
        transform=mt.Compose([twin(name, (9, 9), prob=0.5) for name in sorted(ARGUMENTS)]),
    )
    batches = list(DataLoader(data, batch_size=2, num_workers=2))
    assert [batch["image"].shape for batch in batches] == [(2, 3, 12, 12)] * 2


@every
@both_dims
def test_two_keys_have_one_draw(name, size):
    transform = twin(name, size, keys=("image", "other"))
    x = image(size)
    changed = 0
    for seed in range(4):
        if name.startswith("Rand"):
            transform.set_random_state(seed)
        out = transform({"image": x, "other": x.clone()})
        assert (
            torch.equal(out["image"].as_tensor(), out["other"].as_tensor())
            or name == "RandGaussianNoise"
        )
        changed += out["image"].shape != x.shape or not torch.equal(
            out["image"].as_tensor(), x.as_tensor()
        )
    assert changed


@pytest.mark.parametrize("name", sorted(RESAMPLING))
@both_dims
def test_a_mode_for_each_key(name, size):
    mask = MetaTensor((image(size, 1).as_tensor() > 0.5).float(), affine=image(size).affine)
    linear = "bilinear" if name != "Resize" else ("bilinear" if len(size) == 2 else "trilinear")
    transform = twin(name, size, keys=("image", "mask"), mode=(linear, "nearest"))
    if name != "Resize":
        transform.set_random_state(2)
    out = transform({"image": image(size), "mask": mask})
    assert set(out["mask"].unique().tolist()) <= {0.0, 1.0}
    assert out["image"].unique().numel() > 20
    alone = twin(name, size, keys="mask", mode="nearest")
    if name != "Resize":
        alone.set_random_state(2)
    assert torch.equal(alone({"mask": mask})["mask"].as_tensor(), out["mask"].as_tensor())
    with pytest.raises(ValueError, match="length"):
        twin(name, size, keys=("image", "mask"), mode=("nearest",) * 3)
    with pytest.raises(ValueError, match="mode='cubic'"):
        twin(name, size, keys=("image", "mask"), mode=(linear, "cubic"))


@pytest.mark.parametrize("name", ["RandRotate", "RandAffine"])
@both_dims
def test_a_padding_for_each_key(name, size):
    one = MetaTensor(torch.ones(1, *size))
    transform = twin(
        name, size, keys=("image", "mask"), padding_mode=("border", "zeros")
    ).set_random_state(4)
    out = transform({"image": one, "mask": one.clone()})
    torch.testing.assert_close(out["image"].as_tensor(), one.as_tensor(), rtol=0, atol=1e-5)
    assert out["mask"].min() < 0.9


@pytest.mark.parametrize("name", sorted(EXACT))
@both_dims
def test_a_voxel_keeps_its_place_in_space(name, size):
    for seed in range(6):
        x = image(size, 1)
        x[:] = 0
        old = (2, 5, 6)[: len(size)]
        x[(0, *old)] = 1
        out = twin(name, size).set_random_state(seed)({"image": x.clone()})["image"]
        new = out.as_tensor()[0].nonzero()[0]
        before, after = (
            a
            @ torch.cat(
                [torch.as_tensor(v, dtype=torch.float64), torch.zeros(3 - len(size)), torch.ones(1)]
            )
            for a, v in ((x.affine, old), (out.affine, new))
        )
        assert torch.allclose(before, after)


@pytest.mark.parametrize("name", ["RandFlip", "RandRotate90", "RandRotate", "RandAffine"])
@both_dims
def test_the_affine_is_the_one_that_monais_transform_gives(name, size):
    for seed in range(3):
        ours = getattr(mm, name)(prob=1.0, **ARGUMENTS[name]).set_random_state(seed)(image(size))
        theirs = getattr(mt, name)(prob=1.0, **ARGUMENTS[name]).set_random_state(seed)(image(size))
        assert torch.allclose(ours.affine, theirs.affine) and classes(ours) == classes(theirs)


@every
def test_numpy_arrays_and_plain_tensors(name):
    x = np.random.default_rng(0).random((3, 9, 9), dtype=np.float32)
    results = []
    for value in (x, torch.from_numpy(x), MetaTensor(x)):
        transform = twin(name, (9, 9))
        if name.startswith("Rand"):
            transform.set_random_state(7)
        results.append(torch.as_tensor(transform({"image": value})["image"]))
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


def test_inverse_of_another_record_is_refused():
    out = mm.RandFlip(prob=1.0)(image((9, 9)))
    with pytest.raises(RuntimeError, match="RandAxisPermute"):
        mm.RandAxisPermute(prob=1.0).inverse(out)
