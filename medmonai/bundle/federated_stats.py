"""Statistics of a client's cases for federated learning, through MONAI's own interface."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from monai.auto3dseg.analyzer import ImageHistogram, ImageHistogramSumm, ImageStats, ImageStatsSumm
from monai.data import MetaTensor
from monai.fl.client import MonaiAlgoStats
from monai.fl.utils.constants import FlStatistics
from monai.fl.utils.exchange_object import ExchangeObject

from medmonai.data import Cohort


class CohortStats(MonaiAlgoStats):
    """Give a server intensity histograms, image statistics and class counts of a bundle's training
    and validation cases.

    MONAI's `MonaiAlgoStats` runs its `DataAnalyzer`, which needs files of images and of label
    masks. It reads the label as an image, and expects statistics of the mask even with
    `histogram_only`. Classification has no masks, and cases in an array have no files. Here the
    same analyzers see the images as the bundle's data sets hold them, before scaling.

    Args are those of `MonaiAlgoStats`; `data_stats_transform_list` is a list of transforms of one
    image (C, *spatial).
    """

    def get_data_stats(self, extra: Mapping[str, Any] | None = None) -> ExchangeObject:
        """Return summaries of the cases; nothing of a single case leaves the client.

        Args:
            extra: `FlStatistics.HIST_BINS`, a number or one per channel, and
                `FlStatistics.HIST_RANGE`, [low, high] or one such pair per channel. Values outside
                the range are not counted.

        Returns:
            An exchange object with "train", "eval" and "total_data"; each has "data_stats"
            ("image_stats", "image_histogram"), "data_count", "fail_count" (0: a data set is checked
            as a whole when it is read) and "class_counts".

        Raises:
            ValueError: one of the two is missing.
        """
        extra = extra or {}
        for name in (FlStatistics.HIST_BINS, FlStatistics.HIST_RANGE):
            if name not in extra:
                raise ValueError(
                    f"extra has no {name.value!r}; get_data_stats needs hist_bins and hist_range."
                )
        workflow: Any = self.workflow  # MONAI's properties are not in its types
        cohorts = {
            self.train_data_key: workflow.train_dataset,
            self.eval_data_key: workflow.val_dataset,
        }
        cases = {name: self._cases(cohort, extra) for name, cohort in cohorts.items()}
        counts = {name: cohort.class_counts() for name, cohort in cohorts.items()}
        total = FlStatistics.TOTAL_DATA
        cases[total] = [case for of_split in cases.values() for case in of_split]
        counts[total] = {
            name: sum(of_split[name] for of_split in counts.values())
            for name in counts[self.train_data_key]
        }
        stats = ExchangeObject(
            statistics={
                name: {
                    FlStatistics.DATA_STATS: self._summary(of_split),
                    FlStatistics.DATA_COUNT: len(of_split),
                    FlStatistics.FAIL_COUNT: 0,
                    "class_counts": counts[name],
                }
                for name, of_split in cases.items()
            }
        )
        for change in self.post_statistics_filters or ():
            stats = change(stats, extra)
        return stats

    def _cases(self, cohort: Cohort, extra: Mapping[str, Any]) -> list[dict[str, Any]]:
        histogram = ImageHistogram(
            "image",
            hist_bins=extra[FlStatistics.HIST_BINS],
            hist_range=extra[FlStatistics.HIST_RANGE],
        )
        analyzers = [histogram] if self.histogram_only else [ImageStats("image"), histogram]
        listed = []
        for image in cohort.images:
            value: Any = MetaTensor(torch.as_tensor(image.astype("float32")))
            for transform in self.data_stats_transform_list or ():
                value = transform(value)
            case = {"image": value}
            for analyzer in analyzers:
                case = analyzer(case)
            listed.append(
                {analyzer.stats_name: case[analyzer.stats_name] for analyzer in analyzers}
            )
        return listed

    def _summary(self, cases: list[dict[str, Any]]) -> dict[str, Any]:
        summaries = (
            [ImageHistogramSumm()]
            if self.histogram_only
            else [ImageStatsSumm(), ImageHistogramSumm()]
        )
        own = copy.deepcopy(cases)  # ImageHistogramSumm adds up in the first of them
        return {summary.stats_name: summary(own) for summary in summaries} | {"n_cases": len(cases)}
