"""What the records of a training say of its images and its test cases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medmonai.deployment import Model, model_place, read_training_values, records_of
from medmonai.predictions import Predictions, read_predictions
from medmonai.run_files import read_record

from .adapted_folder import ADAPTATION

ROTATION = "rotation"


@dataclass(frozen=True, eq=False)
class TrainingSide:
    """What another site is compared with.

    Args:
        test: scores and labels of the cases that the training was tested on; None if not recorded.
        by_single_members: whether each of these cases was scored by one member of the ensemble, as
            in a rotation, and not by all.
        values: measurement -> its values in training images, see
            `medmonai.deployment.measurements`; empty if not recorded.
    """

    test: Predictions | None
    by_single_members: bool
    values: dict[str, np.ndarray]

    @classmethod
    def read(cls, folder: Path, model: Model) -> TrainingSide:
        """Read the records of a model's training.

        Args:
            folder: of a fit, a run or an adapted model.
            model: loaded from there.

        Raises:
            ValueError: a damaged file, or one of other classes.
        """
        path = records_of(folder) / "predictions_test.csv"
        test = read_predictions(path, task=model.task) if path.is_file() else None
        if test is not None and test.class_names != model.class_names:
            raise ValueError(
                f"{path} is for the classes {', '.join(test.class_names)}, not "
                f"{', '.join(model.class_names)}; put the model's own table back."
            )
        division = read_record(folder / "fit.json").get("division", {}).get("kind")
        division = division or read_record(folder / ADAPTATION).get("division", "")
        values = read_training_values(model_place(folder) / "models" / "training_values.json")
        return cls(test, division == ROTATION, values)
