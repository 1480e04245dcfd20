"""What NVIDIA FLARE does with a bundle, as the sources of monai-nvflare 0.4.0 say: its executor on
MONAI's client, which hands over arrays, and the persistor of its server.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from bundle_runs import BUNDLES
from monai.bundle import ConfigParser
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems, FlStatistics, ModelType, WeightType
from monai.fl.utils.exchange_object import ExchangeObject

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"lesion_phantom_classification": [12, 12], "lesion_phantom3d_classification": [8, 8, 8]}


class Executor:
    """ClientAlgoExecutor: each task begins with weights as arrays, and returns arrays."""

    def __init__(self, algo, app_root):
        self.algo = algo
        algo.initialize(
            extra={
                ExtraItems.CLIENT_NAME: app_root.name,
                ExtraItems.APP_ROOT: str(app_root),
                ExtraItems.STATS_SENDER: None,
                ExtraItems.LOGGING_FILE: False,
            }
        )

    def train(self, arrays):
        before = self.algo.evaluate(ExchangeObject(weights=dict(arrays))).metrics.get("auc")
        self.algo.train(ExchangeObject(weights=dict(arrays)), extra={ExtraItems.ABORT: None})
        given = self.algo.get_weights()
        steps = given.statistics.get(FlStatistics.NUM_EXECUTED_ITERATIONS)
        return before, steps, given.weight_type, self.arrays_of(given)

    def submit_model(self, kind):
        return self.arrays_of(self.algo.get_weights(extra={ExtraItems.MODEL_TYPE: kind}))

    def validate(self, arrays):
        return self.algo.evaluate(ExchangeObject(weights=dict(arrays))).metrics

    @staticmethod
    def arrays_of(given):
        assert given.is_valid_weights()
        return {name: value.detach().cpu().numpy() for name, value in given.weights.items()}


def executor(name, app_root, *, diff, phantom_seed):
    shutil.copytree(BUNDLES / name, app_root / "bundle")
    settings = {
        "federated": True,
        "max_epochs": 2,
        "warmup_epochs": 1,
        "train_cases": 32,
        "batch_size": 16,
        "spatial_size": SIZES[name],
        "network_def::width": 4,
        "phantom_seed": phantom_seed,
        "validate::dataset::num_cases": 24,
    }
    algo = MonaiAlgo(
        "bundle",  # below the root of the app
        local_epochs=1,
        send_weight_diff=diff,
        train_kwargs=dict(settings),
        eval_kwargs={**settings, "test::dataset::num_cases": 24},
    )
    return Executor(algo, app_root)


@pytest.mark.parametrize(
    ("name", "diff"),
    [
        ("lesion_phantom_classification", False),
        pytest.param("lesion_phantom3d_classification", True, marks=pytest.mark.slow),
    ],
)
def test_two_rounds_of_flare_s_executor(name, diff, tmp_path):
    sites = [executor(name, tmp_path / f"site-{i}", diff=diff, phantom_seed=i) for i in (1, 2)]
    weights = {
        key: value.cpu().numpy().copy()
        for key, value in sites[0].algo.trainer.network.state_dict().items()
    }
    start = {key: value.copy() for key, value in weights.items()}
    for _ in range(2):
        found = [site.train(weights) for site in sites]
        for before, steps, kind, _ in found:
            assert 0 <= before <= 1 and steps == 2
            assert kind == (WeightType.WEIGHT_DIFF if diff else WeightType.WEIGHTS)
        for key, value in weights.items():
            mean = np.mean([sent[key] for *_, sent in found], axis=0)
            weights[key] = (value + mean if diff else mean).astype(value.dtype)
    assert any(not np.array_equal(value, start[key]) for key, value in weights.items())
    assert 0 <= sites[0].validate(weights)["auc"] <= 1
    for kind in (ModelType.BEST_MODEL, ModelType.FINAL_MODEL):
        assert set(sites[0].submit_model(kind)) == set(weights)
    for site in sites:
        site.algo.finalize({})


@pytest.mark.parametrize("name", sorted(SIZES))
def test_the_persistor_finds_the_network_of_the_clients(name):
    parser = ConfigParser()
    parser.read_config(str(BUNDLES / name / "configs" / "train.json"))
    network = parser.get_parsed_content("network_def")
    assert network.state_dict()


def test_the_page_allows_every_component_of_the_job():
    spec = importlib.util.spec_from_file_location("job", ROOT / "scripts" / "nvflare_job.py")
    job = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(job)
    used = set(re.findall(r"'path': '([^']+)'", f"{job.server(2, 3)}{job.client({}, 1)}"))
    page = (ROOT / "docs" / "how_to" / "federated.md").read_text()
    allowed = re.findall(r'"([a-z_.]+\.)"', page.partition("class_allow_list")[2])
    assert used and all(path.startswith(tuple(allowed)) for path in used)
