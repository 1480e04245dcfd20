"""Make a job for NVIDIA FLARE from a bundle: FedAvg over MONAI's client, one app for the server and
one for each site.

    python scripts/nvflare_job.py bundles/lesion_phantom_classification JOB --rounds 3 \
        --site site-1 '{"phantom_seed": 1}' --site site-2 '{"phantom_seed": 2}' \
        --all '{"train_cases": 256}'
    nvflare simulator JOB -w WORKSPACE -n 2 -t 1

It needs no NVFlare; the simulator needs `nvflare` and `monai-nvflare`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any


def server(sites: int, rounds: int) -> dict[str, Any]:
    """Return the server's config: the persistor reads the network from the bundle, weights are
    averaged as they come.
    """
    return {
        "format_version": 2,
        "workflows": [
            {
                "id": "scatter_and_gather",
                "path": "nvflare.app_common.workflows.scatter_and_gather.ScatterAndGather",
                "args": {
                    "min_clients": sites,
                    "num_rounds": rounds,
                    "start_round": 0,
                    "wait_time_after_min_received": 0,
                    "aggregator_id": "aggregator",
                    "persistor_id": "persistor",
                    "shareable_generator_id": "generator",
                    "train_task_name": "train",
                    "train_timeout": 0,
                },
            }
        ],
        "components": [
            {
                "id": "persistor",
                "path": "monai_nvflare.monai_bundle_persistor.MonaiBundlePersistor",
                "args": {"bundle_root": "bundle"},
            },
            {
                "id": "generator",
                "args": {},
                "path": (
                    "nvflare.app_common.shareablegenerators.full_model_shareable_generator."
                    "FullModelShareableGenerator"
                ),
            },
            {
                "id": "aggregator",
                "args": {"expected_data_kind": "WEIGHTS"},
                "path": (
                    "nvflare.app_common.aggregators.intime_accumulate_model_aggregator."
                    "InTimeAccumulateWeightedAggregator"
                ),
            },
        ],
    }


def client(settings: dict[str, Any], local_epochs: int) -> dict[str, Any]:
    """Return a site's config: MONAI's client with the bundle's ids of this site."""
    return {
        "format_version": 2,
        "executors": [
            {
                "tasks": ["train", "submit_model", "validate"],
                "executor": {
                    "path": "monai_nvflare.client_algo_executor.ClientAlgoExecutor",
                    "args": {"client_algo_id": "client_algo", "key_metric": "auc"},
                },
            }
        ],
        "components": [
            {
                "id": "client_algo",
                "path": "monai.fl.client.MonaiAlgo",
                "args": {
                    "bundle_root": "bundle",
                    "local_epochs": local_epochs,
                    "send_weight_diff": False,
                    "train_kwargs": settings,
                    "eval_kwargs": settings,
                },
            }
        ],
    }


def write_job(
    bundle: Path,
    job: Path,
    sites: dict[str, dict[str, Any]],
    *,
    rounds: int,
    local_epochs: int,
    settings: dict[str, Any],
) -> None:
    """Write the job's folder; each app holds a copy of the bundle.

    Raises:
        FileExistsError: the folder exists.
    """
    if job.exists():
        raise FileExistsError(f"{job} exists; name another folder for the job.")
    apps = {"app_server": ("server", ["server"], server(len(sites), rounds))}
    for name, own in sites.items():
        ids = {"federated": True, "max_epochs": rounds * local_epochs, **settings, **own}
        apps[f"app_{name}"] = ("client", [name], client(ids, local_epochs))
    for app, (kind, _, config) in apps.items():
        shutil.copytree(bundle / "configs", job / app / "bundle" / "configs")
        (job / app / "config").mkdir()
        (job / app / "config" / f"config_fed_{kind}.json").write_text(json.dumps(config, indent=2))
    meta = {
        "name": bundle.name,
        "resource_spec": {},
        "min_clients": len(sites),
        "deploy_map": {app: where for app, (_, where, _) in apps.items()},
    }
    (job / "meta.json").write_text(json.dumps(meta, indent=2))


def main() -> None:
    """Read the command line and write the job."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("job", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--local_epochs", type=int, default=1)
    parser.add_argument("--all", type=json.loads, default={}, help="ids of every site, as JSON")
    parser.add_argument(
        "--site",
        nargs=2,
        action="append",
        required=True,
        metavar=("NAME", "JSON"),
        help="a site and its own ids",
    )
    given = parser.parse_args()
    sites = {name: json.loads(own) for name, own in given.site}
    write_job(
        given.bundle,
        given.job,
        sites,
        rounds=given.rounds,
        local_epochs=given.local_epochs,
        settings=given.all,
    )


if __name__ == "__main__":
    main()
