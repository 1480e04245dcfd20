"""The command line's functions in Python, returning results as objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medmonai.run_results import RunFolder

if TYPE_CHECKING:
    from medmonai.metrics.comparison import Comparisons
    from medmonai.predictions import Predictions
    from medmonai.report import Evaluation


def run(
    bundle: str | Path,
    *,
    output_dir: str | Path = "",
    overrides: Mapping[str, Any] | None = None,
    **ids: Any,
) -> RunFolder:
    """Train a bundle, evaluate it on its test split, plot the figures and write the report, like
    `medmonai run`.

    A bundle is a program: run only one whose author you trust.

    Args:
        bundle: a folder, or the name of a shipped bundle (`medmonai bundles`).
        output_dir: the run folder; "" creates the first free one of runs/NAME, runs/NAME-2, ... An
            unfinished run of the same config in it is resumed.
        overrides: config ids -> values; for ids that are not Python names, such as
            "train#balance#strategy".
        **ids: config ids -> values, such as dataset_dir="data" or max_epochs=2.

    Raises:
        FileNotFoundError: no such bundle, or its data set is not available.
        ValueError: an id that does not exist or is given twice, or a folder that holds another run.

    Example:
        >>> found = run("lesion_phantom", max_epochs=2, warmup_epochs=1)  # doctest: +SKIP
        >>> found.metrics["splits"]["test"]["auc"]["estimate"]  # doctest: +SKIP
        0.91
    """
    from medmonai.bundle import folder_of_run, run_bundle

    twice = sorted(set(overrides or {}) & set(ids))
    if twice:
        raise ValueError(
            f"{', '.join(twice)} is given twice, as an argument and in overrides; give it once."
        )
    with folder_of_run(str(output_dir), parent="runs", name=Path(bundle).name) as folder:
        run_bundle(bundle, output_dir=folder, overrides={**(overrides or {}), **ids})
    return RunFolder(folder)


def fit(
    source: str | Path,
    *,
    output: str | Path,
    minutes: float | None = None,
    plan_only: bool = False,
    seed: int = 1,
    network: str = "",
    weights: str = "",
    **options: Any,
) -> RunFolder:
    """Train a classifier of your own images: `medmonai fit`.

    Args:
        source: a folder of class folders, a table of images, an npz file, or a MedMNIST name.
        output: the folder of the plan, the model, predictions, metrics and report.
        minutes: what the fit may take on this machine; None for as long as the rules say.
        plan_only: stop after the plan.
        seed: of the folds and of the members.
        network: one by name instead of the rule's, such as "resnet34" or "timm/convnext_tiny".
        weights: to start from: "imagenet", "medicalnet" or a file; "" for random weights.
        **options: of the source, as for `medmonai data describe`, such as label_column="dx".

    Returns:
        The folder, with its metrics, predictions and figures.

    Raises:
        FileNotFoundError: no such source.
        ValueError: see `medmonai.planning.fit_source`.

    Example:
        >>> fit("images", output="fit", group_pattern="^([^_]+)_")  # doctest: +SKIP
    """
    from medmonai.planning import fit_source

    folder = fit_source(
        str(source),
        options,
        output=output,
        minutes=minutes,
        plan_only=plan_only,
        seed=seed,
        network=network,
        weights=weights,
    )
    return RunFolder(folder)


def evaluate(
    table: str | Path | Predictions,
    *,
    validation: str | Path | Predictions | None = None,
    output: str | Path | None = None,
    **options: Any,
) -> Evaluation:
    """Evaluate a predictions table: ranking, decisions at a threshold locked on validation,
    calibration, with intervals.

    Args:
        table: a file (id, y_true, score_<class>...) or a table in memory.
        validation: the same for the validation cases, used to choose threshold and temperature.
        output: a folder for metrics.json, metrics.csv and figures, as `medmonai evaluate` writes
            them; None writes nothing.
        **options: rule, confidence, seed, task, positive_class, sheet; with an output also
            metadata, columns and overwrite, see `medmonai.report.evaluate_files`.

    Raises:
        FileNotFoundError: a table that does not exist.
        TypeError: an output for a table in memory: write it with
            `medmonai.predictions.write_predictions` first; or metadata or columns without an
            output.
        ValueError: see `medmonai.report.evaluate`.

    Example:
        >>> evaluate("predictions_test.csv", validation="predictions_val.csv")  # doctest: +SKIP
        Evaluation(AUC 0.9254 (0.9084 to 0.9396), n = 1000)
    """
    from medmonai import report

    if output is not None:
        if not isinstance(table, str | Path) or not isinstance(validation, str | Path | None):
            raise TypeError(
                "output requires tables in files; write them with "
                "medmonai.predictions.write_predictions first."
            )
        return report.evaluate_files(table, validation=validation, output=output, **options)
    if {"metadata", "columns"} & set(options):
        raise TypeError("metadata and columns (for subgroups) require output; pass a folder.")
    kind, sheet, positive_class = (
        options.pop(name, "") for name in ("task", "sheet", "positive_class")
    )

    def read(one: str | Path | Predictions) -> Predictions:
        tables = (
            report.read_table(one, kind=kind, sheet=sheet) if isinstance(one, str | Path) else one
        )
        return tables.with_positive_class(positive_class) if positive_class else tables

    return report.evaluate(
        read(table), validation=None if validation is None else read(validation), **options
    )


def compare(
    tables: Mapping[str, str | Path | Sequence[str | Path]],
    *,
    output: str | Path | None = None,
    **options: Any,
) -> Comparisons:
    """Compare predictions tables of the same cases pairwise: better, worse or not distinguishable.

    Args:
        tables: name -> file, or files of several seeds, whose scores are averaged case by case.
        output: a folder for comparison.csv, .json, .tex and the figure, as `medmonai compare`
            writes them.
        **options: metric, task, rule, positive_class, sheet, confidence, alpha, and overwrite of
            the files in output; see `medmonai.report.compare_files`.

    Returns:
        One comparison per pair; for tables in memory see `medmonai.metrics.compare_tables`.

    Raises:
        ValueError: see `medmonai.report.compare_files`.

    Example:
        >>> compare({"small": "a.csv", "large": ["b1.csv", "b2.csv"]})[0].verdict  # doctest: +SKIP
        'not distinguishable'
    """
    from medmonai.report import compare_paths, write_comparison

    paths = {
        name: [Path(one) for one in ([some] if isinstance(some, (str, Path)) else some)]
        for name, some in tables.items()
    }
    overwrite = options.pop("overwrite", False)
    comparisons, spread = compare_paths(paths, **options)
    if output is not None:
        write_comparison(comparisons, output, spread=spread, overwrite=overwrite)
    return comparisons
