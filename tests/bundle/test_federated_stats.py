"""Statistics for a federated server, of a bundle whose cases are arrays and of one whose cases are
image files.
"""

import numpy as np
import pytest
from bundle_runs import BUNDLES, small, workflow, write_sources
from monai.fl.utils.constants import FlStatistics

from medmonai.bundle import CohortStats

EXTRA = {FlStatistics.HIST_BINS: 8, FlStatistics.HIST_RANGE: [0.0, 256.0]}
NAMES = (
    "lesion_phantom_classification",
    "lesion_phantom3d_classification",
    "pneumoniamnist_classification",
    "ham10000_classification",
)  # drawn in 2D and 3D, an npz file, colour images in files


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return write_sources(tmp_path_factory.mktemp("sources"))


def stats_of(name, sources, folder, **options):
    flow = workflow(name, "train.json", **small(name, sources, folder))
    algo = CohortStats(str(BUNDLES / name), workflow=flow, **options)
    algo.initialize({})
    return flow, algo.get_data_stats(EXTRA).statistics


def counted(images):
    """The histogram of each channel, by numpy alone."""
    return [
        np.histogram(images[:, channel], bins=8, range=(0, 256))[0].tolist()
        for channel in range(images.shape[1])
    ]


@pytest.mark.parametrize("name", NAMES)
def test_histograms_and_counts_are_those_of_the_cases(name, sources, tmp_path):
    flow, stats = stats_of(name, sources, tmp_path / "out")
    cohorts = {"train": flow.train_dataset, "eval": flow.val_dataset}
    for key, cohort in cohorts.items():
        found = stats[key][FlStatistics.DATA_STATS]
        histogram = found["image_histogram"]["histogram"]
        assert [channel["counts"] for channel in histogram] == counted(cohort.images)
        assert stats[key][FlStatistics.DATA_COUNT] == found["n_cases"] == len(cohort)
        assert stats[key]["class_counts"] == cohort.class_counts()
        assert found["image_stats"]["channels"]["mean"] == cohort.in_channels
    total = stats[FlStatistics.TOTAL_DATA]
    both = np.concatenate([cohort.images for cohort in cohorts.values()])
    assert [
        channel["counts"]
        for channel in total[FlStatistics.DATA_STATS]["image_histogram"]["histogram"]
    ] == counted(both)
    assert sum(total["class_counts"].values()) == len(both) == total[FlStatistics.DATA_COUNT]


def test_histograms_alone_of_transformed_images(tmp_path):
    name = NAMES[0]
    flow, stats = stats_of(
        name,
        None,
        tmp_path / "out",
        histogram_only=True,
        data_stats_transform_list=[lambda x: x / 2],
    )
    found = stats["train"][FlStatistics.DATA_STATS]
    assert set(found) == {"image_histogram", "n_cases"}
    assert (
        found["image_histogram"]["histogram"][0]["counts"]
        == counted(flow.train_dataset.images / 2)[0]
    )


def test_what_is_missing_is_named(tmp_path):
    algo = CohortStats(
        str(BUNDLES / NAMES[0]),
        workflow=workflow(NAMES[0], "train.json", **small(NAMES[0], None, tmp_path)),
    )
    with pytest.raises(
        ValueError, match="extra has no 'hist_range'; get_data_stats needs hist_bins and hist_range"
    ):
        algo.get_data_stats({FlStatistics.HIST_BINS: 8})
