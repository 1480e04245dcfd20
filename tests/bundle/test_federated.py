"""Federated learning with MONAI's own client: two clients, FedAvg, 2D and 3D."""

import shutil

import pytest
import torch
from bundle_runs import BUNDLES, small
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems, ModelType
from monai.fl.utils.exchange_object import ExchangeObject

from medmonai.handlers import PESGStage, WeightAverage

ROUNDS = 3
SIZES = {"lesion_phantom_classification": [16, 16], "lesion_phantom3d_classification": [10, 10, 10]}


def handler(algo, kind):
    return next(h for h in algo.train_workflow.parser.get_parsed_content("train#handlers") if isinstance(h, kind))


def client_of(name, folder, number):
    bundle = folder / f"client{number}" / name
    shutil.copytree(BUNDLES / name, bundle)
    common = small(name, None, bundle) | {
        "phantom_seed": number, "seed": number, "max_epochs": ROUNDS, "warmup_epochs": ROUNDS - 1, "train_cases": 256,
        "batch_size": 32, "spatial_size": SIZES[name], "network_def::width": 8,
    }
    common["validate::dataset::num_cases"] = 200
    of_evaluation = common | {"test::dataset::num_cases": 48}
    algo = MonaiAlgo(str(bundle), local_epochs=1, send_weight_diff=False, train_kwargs=common, eval_kwargs=of_evaluation)
    algo.initialize({ExtraItems.CLIENT_NAME: f"client{number}"})
    return algo


def mean_of(states):
    return {key: torch.stack([state[key].double() for state in states]).mean(0).to(states[0][key].dtype) for key in states[0]}


def global_auc(clients, weights):
    """The mean over the clients of the AUC that the same weights have on each one's own validation cases."""
    return sum(client.evaluate(ExchangeObject(weights=weights), {}).metrics["auc"] for client in clients) / len(clients)


@pytest.mark.parametrize("name", sorted(SIZES))
def test_two_clients_learn_together(name, tmp_path):
    clients = [client_of(name, tmp_path, number) for number in (1, 2)]
    weights = {key: value.clone() for key, value in clients[0].trainer.network.state_dict().items()}
    aucs, stages = [global_auc(clients, weights)], []
    for _ in range(ROUNDS):
        for client in clients:
            client.train(ExchangeObject(weights=weights), {})
            average, stage = handler(client, WeightAverage), handler(client, PESGStage)
            assert int(average.average.n_averaged) == len(client.trainer.data_loader)  # of this round alone
        stages.append(stage.name(client.trainer))
        weights = mean_of([client.get_weights({}).weights for client in clients])
        aucs.append(global_auc(clients, weights))
    assert stages == ["cross_entropy"] * (ROUNDS - 1) + ["auc"]
    assert aucs[-1] > aucs[0] + 0.1, aucs
    for client in clients:
        for kind in (ModelType.BEST_MODEL, ModelType.FINAL_MODEL):
            given = client.get_weights({ExtraItems.MODEL_TYPE: kind}).weights
            assert set(given) == set(weights)
            client.evaluate(ExchangeObject(weights=given), {})
        client.finalize()
