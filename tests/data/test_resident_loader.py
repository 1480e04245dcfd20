import os
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from medmonai.data import (
    Balance,
    Cohort,
    MemberEncoders,
    Provenance,
    ResidentLoader,
    fit_covariates,
    with_covariates,
)
from medmonai.task import Task
from medmonai.transforms import BatchCompose, RandFlip, RandGaussianNoise

SHAPES = [(28, 28), (6, 7, 8)]


def cohort(shape=(5, 5), n=23, images=None):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 1, *shape), dtype=np.uint8) if images is None else images
    return Cohort(
        images,
        labels=np.arange(n) % 3 // 2,
        ids=np.array([f"case-{i}" for i in range(n)]),
        task=Task("binary", 2),
        class_names=("a", "b"),
        provenance=Provenance("test"),
        split="train",
    )


def epoch_of(loader, epoch=1):
    loader.set_epoch(epoch)
    return list(loader)


@pytest.mark.parametrize("shape", SHAPES)
def test_evaluation_shows_every_case_once_in_order(shape):
    cases = cohort(shape)
    batches = epoch_of(ResidentLoader(cases, batch_size=5))
    assert torch.cat([b["index"] for b in batches]).tolist() == list(range(23))
    assert np.array_equal(torch.cat([b["image"] for b in batches]).numpy(), cases.images)
    assert np.array_equal(torch.cat([b["label"] for b in batches]).numpy(), cases.labels)
    first = batches[0]
    assert type(first["image"]) is torch.Tensor and first["image"].dtype == torch.float32
    assert first["label"].dtype == torch.int64 and first["image"].shape == (5, 1, *shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_epoch_follows_from_seed_and_epoch(shape):
    transform = BatchCompose([RandFlip(prob=0.5), RandGaussianNoise(prob=0.5, std=1.0)])

    def new(seed):
        return ResidentLoader(
            cohort(shape),
            batch_size=4,
            transform=transform,
            balance=Balance("oversample"),
            seed=seed,
        )

    same, again, other = (
        torch.cat([b["image"][:2] for b in epoch_of(new(s), 3)]) for s in (1, 1, 2)
    )
    assert torch.equal(same, again)
    assert same.shape != other.shape or not torch.equal(same, other)
    assert not torch.equal(same, torch.cat([b["image"][:2] for b in epoch_of(new(1), 4)]))


def test_its_state_is_two_numbers_and_resumes_in_mid_epoch():
    transform = BatchCompose([RandGaussianNoise(prob=1.0, std=1.0)])
    first, second = (
        ResidentLoader(cohort(), batch_size=4, transform=transform, balance=Balance(), seed=3)
        for _ in range(2)
    )
    first.set_epoch(2)
    running = iter(first)
    next(running), next(running)
    second.load_state_dict(first.state_dict())
    assert first.state_dict() == {"epoch": 2, "batch": 2}
    for mine, resumed in zip(running, second, strict=True):
        assert torch.equal(mine["image"], resumed["image"]) and torch.equal(
            mine["index"], resumed["index"]
        )


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_without_padding(monkeypatch, world):
    def on_rank(rank, **arguments):
        monkeypatch.setattr("medmonai.data.resident_loader.rank", lambda: rank)
        monkeypatch.setattr("medmonai.data.resident_loader.world_size", lambda: world)
        return ResidentLoader(cohort(), batch_size=4, **arguments)

    evaluated = np.concatenate([i for r in range(world) for i in on_rank(r).indices(1)])
    assert sorted(evaluated) == list(range(23))
    trained = [on_rank(r, balance=Balance("oversample")).indices(5) for r in range(world)]
    assert len({tuple(map(len, batches)) for batches in trained}) == 1  # all ranks take equal steps
    dual = [on_rank(r, balance=Balance("dual", positive_rate=0.5)).indices(1) for r in range(world)]
    assert all((cohort().labels[i].sum() == 2) for batches in dual for i in batches)


def test_a_memmap_is_read_ahead_and_stays_on_disk(tmp_path):
    images = cohort().images
    np.save(tmp_path / "images.npy", images)
    cases = cohort(images=np.load(tmp_path / "images.npy", mmap_mode="r"))
    loader = ResidentLoader(cases, batch_size=4)
    assert loader.residency == "disk"
    assert np.array_equal(torch.cat([b["image"] for b in epoch_of(loader)]).numpy(), images)
    before = threading.active_count()
    abandoned = iter(loader)
    next(abandoned)
    abandoned.close()
    assert threading.active_count() <= before


@pytest.mark.parametrize("part", [slice(None), slice(2, None)])
def test_a_mapped_file_that_was_cut_off_is_named_before_it_is_read(part, tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, cohort().images)
    mapped = np.load(path, mmap_mode="r")[part]
    loader = ResidentLoader(replace(cohort(n=len(mapped)), images=mapped), batch_size=4)
    whole = path.stat().st_size
    assert len(epoch_of(loader)) == len(loader)
    os.truncate(path, whole - 1)
    with pytest.raises(
        ValueError,
        match=f"images.npy was cut off while it was in use: {whole - 1} of {whole} bytes are left",
    ):
        next(iter(loader))


def test_resident_memory_is_the_array_itself():
    cases = cohort()
    assert ResidentLoader(cases, batch_size=4)._images.data_ptr() == cases.images.ctypes.data


def test_a_training_remainder_of_one_case_is_left_out():
    assert [
        len(i) for i in ResidentLoader(cohort(n=9), batch_size=4, balance=Balance()).indices(1)
    ] == [4, 4]
    assert [
        len(i) for i in ResidentLoader(cohort(n=10), batch_size=4, balance=Balance()).indices(1)
    ] == [4, 4, 2]
    assert [
        len(i)
        for i in ResidentLoader(
            cohort(n=10), batch_size=4, balance=Balance(), drop_last=True
        ).indices(1)
    ] == [4, 4]
    assert [len(i) for i in ResidentLoader(cohort(n=9), batch_size=4).indices(1)] == [4, 4, 1]


def test_gradients_stay_on_in_the_loop():
    for _ in ResidentLoader(cohort(), batch_size=4):
        assert torch.is_grad_enabled()


def test_errors():
    with pytest.raises(ValueError, match="batch_size=0; at least 1"):
        ResidentLoader(cohort(), batch_size=0)
    with pytest.raises(ValueError, match="residency='ram' is unknown"):
        ResidentLoader(cohort(), batch_size=4, residency="ram")
    with pytest.raises(ValueError, match="make no batch of 64 on 1 rank; lower"):
        ResidentLoader(cohort(), batch_size=64, balance=Balance(), drop_last=True)
    one_class = cohort().subset(np.flatnonzero(cohort().labels == 0))
    with pytest.raises(ValueError, match="class"):
        ResidentLoader(one_class, batch_size=4, balance=Balance())


def test_encoded_covariates_follow_their_cases():
    cases = replace(cohort(n=12), metadata={"age": np.arange(12).astype(str)})
    encoder = fit_covariates(cases, ["age"])
    encoded = with_covariates(cases, encoder)
    part = encoded.subset(range(11, 0, -1))
    for loader in (
        ResidentLoader(encoded, batch_size=4, balance=Balance()),
        ResidentLoader(part, batch_size=5),
    ):
        for batch in loader:
            age = loader.cohort.metadata["age"][batch["index"].numpy()].astype(float)
            shown = batch["covariates"][:, 0].numpy() * np.arange(12).std() + 5.5
            np.testing.assert_allclose(shown, age, atol=1e-5)
    both = with_covariates(cases, MemberEncoders((encoder, encoder)))
    assert next(iter(ResidentLoader(both, batch_size=5)))["covariates"].shape == (5, 2, 2)
    assert "covariates" not in next(iter(ResidentLoader(cases, batch_size=5)))
    with pytest.raises(ValueError, match="no column 'age' is known of these cases"):
        with_covariates(replace(cases, metadata={}), encoder)


@pytest.mark.parametrize(
    ("covariates", "said"),
    [
        (np.zeros((11, 2)), r"shape \(11, 2\); \(12, values\) is needed"),
        (np.zeros(12), "is needed, as an encoder"),
        (np.full((12, 1), np.nan), "NaN or infinite"),
    ],
)
def test_wrong_covariates_are_refused(covariates, said):
    with pytest.raises(ValueError, match=said):
        replace(cohort(n=12), covariates=covariates)
