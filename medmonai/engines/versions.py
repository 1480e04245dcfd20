"""Which software a result comes from: versions of packages, revision of a checkout."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import torch

_PACKAGES = (
    "medmonai",
    "monai",
    "pytorch-ignite",
    "libauc",
    "medmnist",
    "numpy",
    "scipy",
    "scikit-learn",
    "nibabel",
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a result; "absent" where one is
    not installed.
    """
    # torch itself names its build ("+cpu", "+cu130"), which its package does not.
    versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    return versions


def git_revision(folder: str | Path) -> str:
    """Return the commit of the checkout a folder lies in, with "+changes" if it is edited;
    "unknown" outside of git.
    """

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (
            "+changes" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
