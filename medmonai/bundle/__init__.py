"""MONAI bundles: rendering them, what their configs call, and running them in process."""

from .config import bundle_root, check_ids, merged_config, unread_ids
from .overrides import EVALUATE, TRAIN, bundle_config, bundle_configs, split_overrides
from .render import render_bundle, write_bundle
from .results import write_results
from .run import commands, describe, free_folder, run_bundle
from .run_folder import now, open_test_split, train, without_places

__all__ = [
    "EVALUATE",
    "TRAIN",
    "bundle_config",
    "bundle_configs",
    "bundle_root",
    "check_ids",
    "commands",
    "describe",
    "free_folder",
    "merged_config",
    "now",
    "open_test_split",
    "render_bundle",
    "run_bundle",
    "split_overrides",
    "train",
    "unread_ids",
    "without_places",
    "write_bundle",
    "write_results",
]
