from .class_order import require_trained_classes
from .cohorts import bundle_cohorts, bundle_listing, own_modules
from .config import bundle_root, check_config_ids, merged_config, unread_ids
from .data_commands import check_source, describe_source
from .federated_stats import CohortStats
from .outcome import describe, finish_results
from .overrides import bundle_config, split_overrides
from .places import EVALUATE, TRAIN, bundle_configs, without_places
from .recipe import complete_recipe, read_recipe
from .render import render_bundle, write_bundle
from .results import write_results
from .run import commands, folder_of_run, run_bundle
from .run_cases import RunCases, planned_cases
from .run_folder import now, open_test_split, train
from .run_state import check_output_dir, federated_job, unevaluated
from .stated import stated_if
from .tracking import evaluate_tracked
from .trained_input import load_trained, require_trained_input, trained_classes
from .trial import trial_of_training

__all__ = [
    "EVALUATE",
    "TRAIN",
    "CohortStats",
    "RunCases",
    "bundle_cohorts",
    "bundle_config",
    "bundle_configs",
    "bundle_listing",
    "bundle_root",
    "check_config_ids",
    "check_output_dir",
    "check_source",
    "commands",
    "complete_recipe",
    "describe",
    "describe_source",
    "evaluate_tracked",
    "federated_job",
    "finish_results",
    "folder_of_run",
    "load_trained",
    "merged_config",
    "now",
    "open_test_split",
    "own_modules",
    "planned_cases",
    "read_recipe",
    "render_bundle",
    "require_trained_classes",
    "require_trained_input",
    "run_bundle",
    "split_overrides",
    "stated_if",
    "train",
    "trained_classes",
    "trial_of_training",
    "unevaluated",
    "unread_ids",
    "without_places",
    "write_bundle",
    "write_results",
]
