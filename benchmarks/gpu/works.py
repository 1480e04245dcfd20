"""Does it work on the device, and is it right there: bundles, fit, precision, resume, ranks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from .commands import (
    PHANTOM,
    PHANTOM_3D,
    ROOT,
    command,
    data_of,
    evaluate_bundle,
    killed_after_epoch,
    test_auc,
    train_bundle,
)
from .setting import Setting

SMALL = {"train_cases": 128, "max_epochs": 2, "warmup_epochs": 1}


def _at_once(setting: Setting) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, min(8, (os.cpu_count() or 1) // 2)) if setting.cuda else 1)


def bundles(setting: Setting) -> dict[str, object]:
    """Train, evaluate and predict with one bundle of each kind, by stock MONAI's commands."""
    kinds: dict[str, dict[str, object]] = {
        PHANTOM: {**SMALL, "spatial_size": "[16,16]"},
        PHANTOM_3D: {**SMALL, "spatial_size": "[12,12,12]"},
    }
    for name in ("pneumoniamnist", "vesselmnist3d"):
        folder = data_of(setting, name)
        if folder and not setting.small:
            kinds[f"{name}_classification"] = {
                "dataset_dir": folder,
                "max_epochs": 2,
                "warmup_epochs": 1,
            }

    def run(bundle: str) -> dict[str, object]:
        output = setting.output / bundle
        done = {"train": train_bundle(bundle, output, **kinds[bundle])}
        if done["train"]["works"]:
            done["evaluate"] = evaluate_bundle(bundle, output, **kinds[bundle])
        return done

    with _at_once(setting) as pool:
        return dict(zip(kinds, pool.map(run, kinds)))


def fit(setting: Setting) -> dict[str, object]:
    """Fit folders of pictures, predict with the fit, export it and predict with the file."""
    import numpy as np
    from PIL import Image

    pictures = setting.output / "pictures"
    rng = np.random.default_rng(0)
    for label, name in enumerate(("dark", "bright")):
        (pictures / name).mkdir(parents=True, exist_ok=True)
        for number in range(40):
            values = rng.normal(100 + 40 * label, 40, (40, 40)).clip(0, 255).astype(np.uint8)
            Image.fromarray(values).save(pictures / name / f"{number}.png")
    made = setting.output / "fit"
    minutes = ["--minutes", "3"]
    done = {"fit": command(["medmonai", "fit", str(pictures), "--output", str(made), *minutes])}
    if done["fit"]["works"]:
        table = str(setting.output / "predictions.csv")
        new = str(pictures / "dark")
        done["predict"] = command(["medmonai", "predict", str(made), new, "--output", table])
        exported = str(setting.output / "model.pt")
        done["export"] = command(["medmonai", "export", str(made), "--to", exported])
    return done


def precision(setting: Setting) -> dict[str, object]:
    """Train with each precision and several seeds; report the AUC on the test split of each."""
    seeds = (1,) if setting.small else (1, 2, 3)
    precisions = ("fp32", "bf16", "fp16") if setting.cuda else ("fp32",)
    sizes: dict[str, dict[str, object]] = {
        PHANTOM: {"train_cases": 4000, "max_epochs": 6},
        PHANTOM_3D: {"train_cases": 2000, "max_epochs": 6},
    }
    if setting.small:
        sizes = {PHANTOM: {**SMALL, "spatial_size": "[16,16]"}}
    cells = [(b, p, s) for b in sizes for p in precisions for s in seeds]

    def run(cell: tuple[str, str, int]) -> float | dict[str, object]:
        bundle, chosen, seed = cell
        output = setting.output / f"{bundle}-{chosen}-{seed}"
        ids = {**sizes[bundle], "precision": chosen, "seed": seed}
        for step in (train_bundle, evaluate_bundle):
            done = step(bundle, output, **ids)
            if not done["works"]:
                return done
        return test_auc(output)

    with _at_once(setting) as pool:
        return {"/".join(map(str, cell)): auc for cell, auc in zip(cells, pool.map(run, cells))}


def resume(setting: Setting) -> dict[str, object]:
    """Kill a run with SIGKILL, resume it, and compare its weights with those of a run in one go."""
    found: dict[str, object] = {}
    for bundle, size in ((PHANTOM, "[16,16]"), (PHANTOM_3D, "[12,12,12]")):
        ids = {"train_cases": 512, "max_epochs": 6, "warmup_epochs": 4, "spatial_size": size}
        whole, killed = setting.output / f"{bundle}-whole", setting.output / f"{bundle}-killed"
        first = train_bundle(bundle, whole, **ids)
        if not first["works"]:
            found[bundle] = first
            continue
        stopped = killed_after_epoch(bundle, killed, 2, **ids)
        second = train_bundle(bundle, killed, **ids)
        if not second["works"]:
            found[bundle] = second
            continue
        found[bundle] = {"works": True, "killed": stopped, **_differences(whole, killed)}
        if setting.small:
            break
    return found


def _differences(one: Path, other: Path) -> dict[str, object]:
    a, b = (
        torch.load(folder / "models" / "model.pt", map_location="cpu", weights_only=True)
        for folder in (one, other)
    )
    largest = max(float((a[key].double() - b[key].double()).abs().max()) for key in a)
    same = (one / "history.csv").read_text().splitlines()[-1]
    return {
        "largest difference of a weight": largest,
        "bit-identical": largest == 0.0,
        "last epoch of the history in one go": same,
        "last epoch of the history resumed": (other / "history.csv").read_text().splitlines()[-1],
    }


def ranks(setting: Setting) -> dict[str, object]:
    """Train under torchrun with one rank: NCCL on CUDA, gloo elsewhere."""
    folder = ROOT / "bundles" / PHANTOM
    configs = [str(folder / "configs" / f"{name}.json") for name in ("train", "multi_gpu_train")]
    output = setting.output / "one_rank"
    ids = {**SMALL, "spatial_size": "[16,16]", "bundle_root": folder, "output_dir": output}
    return command(
        [
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node=1",
            "-m",
            "monai.bundle",
            "run",
            f"--config_file={configs}",
            *(f"--{name}={value}" for name, value in ids.items()),
        ]
    )


def tests(setting: Setting) -> dict[str, object]:
    """Run the tests that need a GPU, and those of what once failed on one alone."""
    files = sorted(map(str, ROOT.glob("tests/**/test_*on_cuda.py")))
    quiet = ["pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
    covariates = str(ROOT / "tests" / "bundle" / "test_covariate_bundles.py")
    return {
        "cuda": command([*quiet, "-m", "cuda", *files]),
        "covariates": command([*quiet, "-x", covariates]),
    }
