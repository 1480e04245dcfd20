"""The placeholders about covariates: columns that the network sees beside the image."""

from __future__ import annotations

from collections.abc import Mapping
from pydoc import locate
from typing import Any

from medmonai.config_text import recipe_texts
from medmonai.data.options import option_groups

_NAMES = "$[one if isinstance(one, str) else one['name'] for one in @covariates]"
_STORED = {"_target_": "medmonai.data.read_covariates", "path": "@ckpt_path"}
_BATCH = {
    "prepare_batch": {
        "_target_": "monai.engines.PrepareBatchExtraInput",
        "extra_keys": {"covariates": "covariates"},
    }
}


def covariate_ids(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ids that a recipe's `covariates` become: the columns, their encoder and the
    weights that the network begins with; nothing where there are none.

    Raises:
        ValueError: an entry that is neither a name nor a dictionary with "name" and "kind".
    """
    columns = source.get("covariates")
    if not columns:
        return {}
    for column in columns:
        described = isinstance(column, Mapping) and isinstance(column.get("name"), str)
        if not isinstance(column, str) and not (described and column.get("kind")):
            raise ValueError(
                f"dataset#covariates holds {column!r}; a column's name, or a dictionary with "
                "'name' and 'kind', is needed."
            )
    cohort = "@train#dataset"
    return {
        "covariates": recipe_texts({"covariates": columns})["covariates"],
        "covariate_encoder": {
            "_target_": "medmonai.data.fit_covariates",
            "cohort": cohort,
            "columns": "@covariates",
        },
        "covariate_weights": {
            "_target_": "medmonai.baselines.covariate_weights",
            "cohort": cohort,
            "encoder": "@covariate_encoder",
        },
    }


def with_covariate_columns(listing: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's listing that reads its covariates from the table; a listing of another kind
    has them in its metadata.

    Raises:
        ValueError: the listing names covariates itself, which no network would see, or leaves its
            columns to be recognized.
    """
    columns = listing.get("columns", {})
    if isinstance(columns, Mapping) and "covariates" in columns:
        raise ValueError(
            "listing#columns holds 'covariates', which the network would not see; write them as "
            '"covariates" of the dataset.'
        )
    if not source.get("covariates") or "columns" not in option_groups(_called(listing)):
        return dict(listing)
    if "columns" not in listing:
        raise ValueError(
            "dataset#covariates needs listing#columns; name image_column and label_column there."
        )
    return {**listing, "columns": {**columns, "covariates": _NAMES}}


def _called(listing: Mapping[str, Any]) -> Any:
    return locate(str(listing["_target_"])) or (lambda: None)


def covariate_parts(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the placeholders about covariates stand for; what they were without covariates
    where a recipe has none.

    Raises:
        ValueError: covariates of a network with a frozen backbone.
    """
    empty: dict[str, Any] = {
        "test_cohort": "@test#dataset",
        "covariate_batch": {},
        "covariate_checkpoint": {},
        "covariate_table": {},
        "inference_covariates": {},
    }
    if not recipe["dataset"].get("covariates"):
        return empty
    if recipe["transfer"]:
        raise ValueError(
            "dataset#covariates and transfer=true; a network of transfer learning takes no "
            "covariates. Leave one of them out."
        )
    encoded = {
        f"{split}_cohort": {
            "_target_": "medmonai.data.with_covariates",
            "cohort": f"@{split}#dataset",
            "encoder": "@covariate_encoder",
        }
        for split in ("train", "validate", "test")
    }
    return {
        **encoded,
        "covariate_batch": _BATCH,
        "covariate_checkpoint": {"covariates": "@covariate_encoder"},
        # The trained weights are loaded next, and their encoder lies beside them.
        "of_evaluation": {"covariate_encoder": _STORED, "network_def::fitted": None},
        "covariate_table": {
            "covariates": {"table": "@covariates_file", "encoder": "@covariate_encoder"}
        },
        "inference_covariates": {"covariates_file": None, "covariate_encoder": _STORED},
    }


def joined_by_covariates(network: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the network of training and evaluation, and that of inference, for a recipe with
    covariates.
    """
    joined = {
        "_target_": "medmonai.networks.CovariateNetwork",
        "network": dict(network),
        "num_covariates": "$@covariate_encoder.num_values",
    }
    return {
        "network_def": {**joined, "fitted": "@covariate_weights"},
        "inference_network": joined,
    }
