"""Build step: a wheel carries the bundles and studies that lie beside the package in a checkout."""

from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py

# By kind of file: a bundle's folder may also hold the weights and predictions of a run.
CARRIED = (
    "bundles/recipes.json",
    "bundles/*/LICENSE",
    "bundles/*/configs/*",
    "bundles/*/docs/*",
    "scripts/ablations/*.json",
)


class BuildWithBundles(build_py):
    """Copy them to medmonai/share, where `medmonai.shipped` looks."""

    def run(self):
        """Build as always, then copy; an editable install reads the checkout."""
        super().run()
        if not self.editable_mode:
            here, share = Path(__file__).parent, Path(self.build_lib) / "medmonai" / "share"
            for file in (
                file for pattern in CARRIED for file in here.glob(pattern) if file.is_file()
            ):
                (share / file.relative_to(here)).parent.mkdir(parents=True, exist_ok=True)
                copyfile(file, share / file.relative_to(here))


setup(cmdclass={"build_py": BuildWithBundles})
