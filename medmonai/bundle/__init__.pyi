from .cohorts import bundle_cohorts, bundle_listing, own_modules
from .config import bundle_root, check_ids, merged_config, unread_ids
from .data_commands import check_source, describe_source
from .overrides import EVALUATE, TRAIN, bundle_config, bundle_configs, split_overrides
from .recipe import complete_recipe, read_recipe
from .render import render_bundle, write_bundle
from .results import write_results
from .run import commands, describe, free_folder, run_bundle
from .run_folder import now, open_test_split, train, without_places
from .trained_input import load_trained

__all__ = [
    "EVALUATE",
    "TRAIN",
    "bundle_cohorts",
    "bundle_config",
    "bundle_configs",
    "bundle_listing",
    "bundle_root",
    "check_ids",
    "check_source",
    "commands",
    "complete_recipe",
    "describe",
    "describe_source",
    "free_folder",
    "load_trained",
    "merged_config",
    "now",
    "open_test_split",
    "own_modules",
    "read_recipe",
    "render_bundle",
    "run_bundle",
    "split_overrides",
    "train",
    "unread_ids",
    "without_places",
    "write_bundle",
    "write_results",
]
