"""Build step: a wheel carries the bundles and studies that lie beside the package in a checkout."""

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = ("bundles", "scripts/ablations")


class BuildWithBundles(build_py):
    """Copy them to medmonai/share, where `medmonai.shipped` looks."""

    def run(self):
        """Build as always, then copy; an editable install reads the checkout."""
        super().run()
        if not self.editable_mode:
            for folder in CARRIED:
                copytree(Path(__file__).parent / folder, Path(self.build_lib) / "medmonai" / "share" / folder,
                         dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithBundles})
