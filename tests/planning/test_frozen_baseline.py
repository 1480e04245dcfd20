"""Logistic regression on the features of the weights that a network starts from."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medmonai.baselines.estimators import ESTIMATORS
from medmonai.bundle import write_bundle
from medmonai.data import PhantomDesign, lesion_phantom
from medmonai.networks import transfer_network
from medmonai.planning.frozen_baseline import frozen_baseline

RECIPE = {
    "title": "Phantoms",
    "dataset": {
        "listing": {"_target_": "medmonai.data.list_class_folders", "root": "x", "name": "x"},
        "task": "binary",
        "class_names": ["normal", "lesion"],
        "in_channels": 1,
        "size": [16, 16],
        "source": "drawn",
    },
    "network": {
        "_target_": "medmonai.networks.transfer_network",
        "backbone": "resnet10",
        "hidden": [],
        "dropout": 0.0,
        "freeze": "none",
    },
    "transfer": True,
    "normalization": {"subtrahend": 0.4, "divisor": 0.2},
}


def test_the_scores_are_those_of_scikit_learn_on_the_features(tmp_path):
    bundle = write_bundle("phantoms_classification", RECIPE, tmp_path)
    network = transfer_network("resnet10", pretrained=False, in_channels=1, hidden=())
    torch.save(network.backbone.state_dict(), tmp_path / "w.pt")
    design = PhantomDesign((16, 16), noise_sd=10)
    train, test = (
        lesion_phantom(split=split, design=design, num_cases=40) for split in ("train", "test")
    )
    (found,) = frozen_baseline(bundle, [train, test], str(tmp_path / "w.pt"), seed=1)

    def features(cohort):
        x = (torch.from_numpy(np.array(cohort.images)) / 255 - 0.4) / 0.2
        with torch.no_grad():
            return network.eval().features(x).numpy()

    chosen = LogisticRegression(**ESTIMATORS["logistic_regression"])
    expected = make_pipeline(StandardScaler(), chosen).fit(features(train), train.labels)
    scores = expected.predict_proba(features(test))
    np.testing.assert_allclose(found.y_score, scores, atol=1e-4)
    assert found.ids.tolist() == test.ids.tolist()
