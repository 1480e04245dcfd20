"""MONAI bundles: rendering them, what their configs call, and running them in process."""

from .config import bundle_root, check_ids, merged_config, unread_ids
from .render import render_bundle, write_bundle
from .results import write_results
from .run import bundle_configs, commands, describe, free_folder, run_bundle
from .run_folder import open_test_split, train

__all__ = [
    "bundle_configs",
    "bundle_root",
    "check_ids",
    "commands",
    "describe",
    "free_folder",
    "merged_config",
    "open_test_split",
    "render_bundle",
    "run_bundle",
    "train",
    "unread_ids",
    "write_bundle",
    "write_results",
]
