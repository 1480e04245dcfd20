"""A published set's licence, citation and issues are said of other images only where somebody says
that they are these.
"""

from __future__ import annotations

import pytest
from bundle_runs import BUNDLES, RECIPES

from medmonai.bundle import bundle_listing

OF_FILES = {
    "chest_xray_classification": "Kermany",
    "ham10000_classification": "Tschandl",
    "histopathologic_cancer_classification": "Veeling",
}


def test_every_bundle_of_files_is_here():
    assert set(OF_FILES) == {
        name for name, recipe in RECIPES.items() if "listing" in recipe["dataset"]
    }


@pytest.mark.parametrize(("name", "cited"), OF_FILES.items())
def test_other_images_in_the_same_layout_have_no_licence_of_the_published_ones(
    name, cited, sources
):
    given = {"dataset_dir": str(sources / RECIPES[name]["dataset"]["listing"]["name"])}
    of_others = bundle_listing(BUNDLES / name, given).provenance
    assert (
        of_others.licence.startswith("not stated (the bundle was written for ")
        and of_others.citation == ""
    )
    assert of_others.known_issues == ()
    published = bundle_listing(BUNDLES / name, given | {"published_images": True}).provenance
    assert (
        published.licence.startswith("CC")
        and cited in published.citation
        and len(published.known_issues) == 1
    )
