"""`--tracking mlflow`, read back through MLflow's own client."""

import json

import pytest
from bundle_runs import BUNDLES, small, workflow

from medmonai.bundle import commands, run_bundle

mlflow = pytest.importorskip("mlflow")
NAME = "lesion_phantom_classification"


def tracked_run(uri, folder, *files, **changes):
    overrides = small(NAME, None, folder, evaluate="evaluate.json" in files) | changes
    flow = workflow(
        NAME, *files, tracking="mlflow", tracking_uri=uri, save_execute_config=False, **overrides
    )
    flow.initialize()
    flow.run()
    flow.finalize()


def runs(uri):
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("monai_experiment")
    found = client.search_runs(experiment.experiment_id, order_by=["attributes.start_time ASC"])
    return [(run.info.status, run.data.metrics) for run in found]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracked")
    uri = f"sqlite:///{folder}/own.db"
    tracked_run(uri, folder / "out", "train.json")
    tracked_run(uri, folder / "out", "train.json", "evaluate.json")
    return folder, uri


def test_the_evaluation_logs_the_test_auc_with_its_interval_and_both_runs_end(tracked):
    folder, uri = tracked
    (_, of_train), (_, of_evaluation) = runs(uri)
    assert [status for status, _ in runs(uri)] == ["FINISHED", "FINISHED"]
    assert "train_loss" in of_train and not any(name.startswith("test_") for name in of_train)
    splits = json.loads((folder / "out" / "metrics.json").read_text())
    auc = splits["splits"]["test"]["auc"]
    expected = {
        "test_auc": auc["estimate"],
        "test_auc_low": auc["low"],
        "test_auc_high": auc["high"],
    }
    assert {name: of_evaluation[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    for part in (
        splits["splits"]["test"]["ranking"],
        splits["splits"]["test"]["decisions"]["locked"],
    ):
        for name, value in part["overall"].items():
            if name != "auc" and value["estimate"] is not None:
                assert of_evaluation[f"test_{name}"] == pytest.approx(value["estimate"]), name
    assert "test_average_precision_low" in of_evaluation
    assert "test_accuracy_high" in of_evaluation
    assert of_evaluation["test_n"] == splits["splits"]["test"]["n"]
    assert of_evaluation["ideal_observer_auc"] == pytest.approx(
        splits["references"]["ideal_observer"]["auc"]["estimate"]
    )


def test_a_run_that_raises_is_failed(tmp_path):
    uri = f"sqlite:///{tmp_path}/own.db"
    with pytest.raises(RuntimeError) as caught:  # MONAI's, around ours
        tracked_run(uri, tmp_path / "out", "train.json", learning_rate=1e30)
    assert isinstance(caught.value.__cause__, FloatingPointError)
    assert [status for status, _ in runs(uri)] == ["FAILED"]


def test_medmonai_run_takes_tracking(tmp_path):
    """The stock commands that it prints carry the option, training and evaluation are tracked."""
    uri, bundle = f"sqlite:///{tmp_path}/out/mlruns.db", BUNDLES / NAME
    overrides = {
        name: value
        for name, value in small(NAME, None, tmp_path / "out").items()
        if name != "output_dir"
    }
    overrides["tracking"] = "mlflow"
    for line in commands(bundle, overrides):
        assert line.endswith(" --tracking mlflow")
    run_bundle(bundle, output_dir=tmp_path / "out", overrides=overrides)
    (first, _), (second, of_evaluation) = runs(uri)
    assert (first, second) == ("FINISHED", "FINISHED")
    assert "test_auc" in of_evaluation
