"""The dictionary twins: one draw for all keys, bit-equal to the array twins, at home in MONAI's
pipelines.
"""

import pickle
from math import pi

import monai.transforms as mt
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import CacheDataset, MetaTensor
from monai.utils import set_determinism

import medmonai.transforms as mm

# Resize has its own file: what it is given depends on the number of axes.
TWINS = sorted(name for name in mm.__all__ if f"{name}d" in mm.__all__ and name != "Resize")
ARGUMENTS = {
    "RandRotate": {"range_x": pi / 3, "range_z": 0.5},
    "RandAffine": {
        "rotate_range": [0.5],
        "translate_range": [2, 1],
        "scale_range": [0.2, (-0.1, 0.3)],
    },
    "RandScaleIntensity": {"factors": 0.3, "channel_wise": True},
    "RandShiftIntensity": {"offsets": 0.3},
    "RandColorJitter": {"brightness": 0.3, "hue": 0.2},
    "ScaleIntensityRange": {"a_min": 0, "a_max": 0.5},
}


def arguments(name):
    return {**ARGUMENTS.get(name, {}), **({"prob": 0.7} if name.startswith("Rand") else {})}


def twin(name, keys="image", **more):
    return getattr(mm, f"{name}d")(keys, **arguments(name), **more)


def image(size, seed=0):
    return torch.rand(3, *size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("size", [(12, 12), (8, 8, 8)])
def test_twin_is_bit_equal_under_one_seed(name, size):
    array, dictionary = getattr(mm, name)(**arguments(name)), twin(name, ("image", "other"))
    x, other = image(size), image(size, 1)
    changed = 0
    for seed in range(6):
        if name.startswith("Rand"):
            array.set_random_state(seed)
            dictionary.set_random_state(seed)
        out = dictionary({"image": x, "other": other, "same": x, "id": "a"})
        expected = torch.as_tensor(array(x))
        assert torch.equal(torch.as_tensor(out["image"]), expected)
        repeated = array(other, randomize=False) if name.startswith("Rand") else array(other)
        assert torch.equal(torch.as_tensor(out["other"]), torch.as_tensor(repeated))
        assert out["same"] is x and out["id"] == "a"
        changed += not torch.equal(expected, x)
    assert changed > 1
    # What a DataLoader's worker processes get.
    assert isinstance(pickle.loads(pickle.dumps(dictionary)), type(dictionary))


@pytest.mark.parametrize("name", TWINS)
def test_missing_keys(name):
    with pytest.raises(KeyError, match="image"):
        twin(name)({"label": 1})
    assert twin(name, allow_missing_keys=True)({"label": 1}) == {"label": 1}


def test_monais_compose_and_set_determinism():
    def draw():
        set_determinism(seed=11)
        compose = mt.Compose([twin(name) for name in TWINS])
        set_determinism(seed=None)
        return [torch.as_tensor(compose({"image": image((8, 8))})["image"]) for _ in range(3)]

    first, second = draw(), draw()
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert not torch.equal(first[0], first[1])


def test_cache_dataset_caches_the_deterministic_ones_and_only_them():
    data = [{"image": image((8, 8))}]
    transforms = mt.Compose(
        [
            mm.ScaleIntensityd("image"),
            mm.NormalizeIntensityd("image"),
            mm.RandFlipd("image", prob=1),
        ]
    )
    cached = CacheDataset(data, transforms, progress=False)
    expected = mm.NormalizeIntensity()(mm.ScaleIntensity()(data[0]["image"]))
    assert torch.equal(torch.as_tensor(cached._cache[0]["image"]), torch.as_tensor(expected))
    assert torch.equal(torch.as_tensor(cached[0]["image"]), torch.as_tensor(expected).flip(1, 2))


def test_found_by_target():
    config = {
        "t": {
            "_target_": "medmonai.transforms.RandFlipd",
            "keys": ["image"],
            "prob": 1.0,
            "spatial_axis": 0,
        }
    }
    flip = ConfigParser(config).get_parsed_content("t")
    x = image((4, 4))
    assert torch.equal(torch.as_tensor(flip({"image": x})["image"]), x.flip(1))


@pytest.mark.parametrize("name", ["RandFlip", "RandRotate90"])
def test_inverse_gives_the_image_back(name):
    compose = mt.Compose([mm.ScaleIntensityd("image"), twin(name)])
    x = MetaTensor(image((8, 8)))
    for seed in range(4):
        out = compose.set_random_state(seed)({"image": x})
        back = compose.inverse(out)["image"]
        assert torch.equal(torch.as_tensor(back), torch.as_tensor(mm.ScaleIntensity()(x)))
