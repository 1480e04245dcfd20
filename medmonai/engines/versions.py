"""Which software a result comes from: versions of packages, revision of a checkout."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import subprocess
from pathlib import Path

_PACKAGES = (
    "medmonai",
    "torch",
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
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    return {**versions, "torch": _torch_build() or versions["torch"]}


def _torch_build() -> str:
    """Return torch's version with its build ("+cpu", "+cu130"), which its package may leave out.

    Its file is read: importing torch takes longer than the commands that ask for this.
    """
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    file = Path(spec.origin).with_name("version.py")
    stated = re.search(
        r"^__version__ = '([^']+)'", file.read_text() if file.is_file() else "", re.M
    )
    return stated[1] if stated else ""


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
