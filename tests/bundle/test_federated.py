"""Federated learning with MONAI's own client: two clients, FedAvg, 2D and 3D."""

import shutil

import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES, small
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems, ModelType
from monai.fl.utils.exchange_object import ExchangeObject

ROUNDS = 4
SIZES = {"lesion_phantom_classification": [16, 16], "lesion_phantom3d_classification": [10, 10, 10]}
PHANTOM = "lesion_phantom_classification"


def handler(algo, name):
    return algo.train_workflow.parser.get_parsed_content(name)


def client_of(name, folder, number, *, seed=0, rounds=ROUNDS, evaluates=True, **changes):
    bundle = folder / f"client{number}" / name
    if not bundle.exists():
        shutil.copytree(BUNDLES / name, bundle)
    common = (
        {key: value for key, value in small(name, None, bundle).items() if key != "output_dir"}
        | {
            "phantom_seed": 10 * seed + number,
            "seed": 10 * seed + number,
            "max_epochs": rounds,
            "warmup_epochs": rounds - 1,
            "train_cases": 128,
            "batch_size": 16,
            "spatial_size": SIZES[name],
            "network_def::width": 8,
            "federated": True,
        }
        | changes
    )
    common["validate::dataset::num_cases"] = 200
    files = {} if evaluates else {"config_evaluate_filename": None}
    algo = MonaiAlgo(
        str(bundle),
        local_epochs=1,
        send_weight_diff=False,
        train_kwargs=dict(common),
        eval_kwargs=common | {"test::dataset::num_cases": 48},
        **files,
    )
    algo.initialize({ExtraItems.CLIENT_NAME: f"client{number}"})
    return algo


def mean_of(states):
    return {
        key: torch.stack([state[key].double() for state in states]).mean(0).to(states[0][key].dtype)
        for key in states[0]
    }


def weights_of(client):
    return {key: value.clone() for key, value in client.trainer.network.state_dict().items()}


def global_auc(clients, weights):
    """The mean over the clients of the AUC that the same weights have on each one's own validation
    cases.
    """
    return np.mean(
        [client.evaluate(ExchangeObject(weights=weights), {}).metrics["auc"] for client in clients]
    )


def learn_together(name, folder, seed):
    """Return the clients and the global AUC before the first round and after each."""
    clients = [client_of(name, folder, number, seed=seed) for number in (1, 2)]
    weights = weights_of(clients[0])
    aucs, stages = [global_auc(clients, weights)], []
    for _ in range(ROUNDS):
        for client in clients:
            client.train(ExchangeObject(weights=weights), {})
            average, stage = handler(client, "weight_average"), handler(client, "stage")
            # of this round alone
            assert int(average.average.n_averaged) == len(client.trainer.data_loader)
        stages.append(stage.name(client.trainer))
        weights = mean_of([client.get_weights({}).weights for client in clients])
        aucs.append(global_auc(clients, weights))
    assert stages == ["cross_entropy"] * (ROUNDS - 1) + ["auc"]
    return clients, aucs


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if "3d" in name else name
        for name in sorted(SIZES)
    ],
)
def test_the_global_auc_of_two_clients_rises(name, tmp_path):
    runs = [learn_together(name, tmp_path / str(seed), seed) for seed in (1, 2, 3)]
    before, first, *_, last = np.mean([aucs for _, aucs in runs], axis=0)
    assert last > first, [aucs for _, aucs in runs]
    assert last > before + 0.04, [aucs for _, aucs in runs]
    for client in runs[0][0]:
        for kind in (ModelType.BEST_MODEL, ModelType.FINAL_MODEL):  # where MONAI looks by default
            given = client.get_weights({ExtraItems.MODEL_TYPE: kind}).weights
            assert set(given) == set(client.trainer.network.state_dict())
            client.evaluate(ExchangeObject(weights=given), {})
        client.finalize()


def rounds_of(folder, *, fresh, rounds=4):
    """Train two clients round by round, either living on or started for each round; return the
    global weights, stages.
    """
    clients, weights, stages, iterations = {}, None, [], []
    for _ in range(rounds):
        sent = []
        for number in (1, 2):
            if fresh or number not in clients:
                clients[number] = client_of(
                    PHANTOM,
                    folder,
                    number,
                    rounds=rounds,
                    evaluates=False,
                    warmup_epochs=2,
                    **{"train_cases": 64, "network_def::width": 4},
                )
            client = clients[number]
            weights = weights_of(client) if weights is None else weights
            client.train(
                ExchangeObject(weights={key: value.clone() for key, value in weights.items()}), {}
            )
            given = client.get_weights({})
            sent.append({key: value.clone() for key, value in given.weights.items()})
            iterations.append(given.statistics["num_executed_iterations"])
        stages.append((client.trainer.state.epoch, handler(client, "stage").name(client.trainer)))
        weights = mean_of(sent)
    return weights, stages, iterations, (folder / "client1" / PHANTOM / "history.csv").read_text()


def test_clients_started_for_each_round_end_as_clients_that_live_on(tmp_path):
    """NVFlare's simulator starts a client for each round where it has fewer threads than
    clients.
    """
    living, stages, iterations, history = rounds_of(tmp_path / "living", fresh=False)
    started, *others, other_history = rounds_of(tmp_path / "started", fresh=True)
    assert others == [stages, iterations]
    assert stages == [(1, "cross_entropy"), (2, "cross_entropy"), (3, "auc"), (4, "auc")]
    assert set(iterations) == {4}
    for key, value in living.items():
        torch.testing.assert_close(started[key], value, rtol=0, atol=0, msg=key)
    first, second = (
        [line.rsplit(",", 1)[0] for line in text.splitlines()] for text in (history, other_history)
    )
    assert first == second  # all but the seconds
    assert len(first) == 5
    again = client_of(
        PHANTOM,
        tmp_path / "started",
        1,
        rounds=4,
        evaluates=False,
        warmup_epochs=2,
        **{"train_cases": 64, "network_def::width": 4},
    )
    with pytest.raises(
        ValueError, match=r"finished \(4 of max_epochs=4\); choose another output_dir"
    ):
        again.train(ExchangeObject(weights=started), {})
    other = client_of(
        PHANTOM,
        tmp_path / "started",
        1,
        rounds=5,
        evaluates=False,
        warmup_epochs=2,
        **{"train_cases": 64, "network_def::width": 4},
    )
    with pytest.raises(ValueError, match="not of this federated job: its config differs"):
        other.train(ExchangeObject(weights=started), {})
