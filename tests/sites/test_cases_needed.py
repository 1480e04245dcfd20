"""The number of cases for an interval of a wanted width."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from medmonai.sites import cases_for_width
from medmonai.sites.cases_needed import cases_needed
from medmonai.task import Task


def width(k, n):
    ends = binomtest(k, n).proportion_ci(method="wilson")
    return ends.high - ends.low


@pytest.mark.parametrize(("k", "n", "wanted"), [(9, 10, 0.1), (1, 2, 0.05), (0, 1, 0.2)])
def test_it_is_the_least_number_whose_wilson_interval_is_narrow_enough(k, n, wanted):
    cases = cases_for_width(k / n, wanted)
    # of the next numbers up and down at which the share is a whole number of cases
    above = -(-cases // n)
    below = (cases - 1) // n
    assert width(k * above, n * above) <= wanted < width(k * below, n * below)


def test_a_very_narrow_interval_takes_very_many_cases():
    cases = cases_for_width(0.5, 1e-4)
    assert cases == pytest.approx(1.959964**2 / 1e-8, rel=1e-6)


@pytest.mark.parametrize(("share", "wanted"), [(1.1, 0.1), (-0.1, 0.1), (0.5, 0), (0.5, 1.0)])
def test_a_share_and_a_width_must_make_sense(share, wanted):
    with pytest.raises(ValueError, match=r"a number from 0 to 1|at least 1e-06 and below 1"):
        cases_for_width(share, wanted)


def test_several_cases_of_a_patient_need_more_and_rare_classes_more_in_all():
    low, high = binomtest(45, 50).proportion_ci(method="wilson")
    plain = {"estimate": 0.9, "low": low, "high": high, "method": "wilson"}
    wide = {
        "estimate": 0.9,
        "low": low - (high - low) / 2,
        "high": high + (high - low) / 2,
        "method": "bca_group_bootstrap",
    }
    summary = {"per_class": {"sick": {"recall": plain, "specificity": wide}}}
    rows = cases_needed(
        summary,
        {"well": 150, "sick": 50},
        Task("binary", 2),
        n=200,
        width=0.1,
        confidence=0.95,
    )
    sensitivity, specificity = rows
    assert (sensitivity["metric"], sensitivity["needed"]) == ("sensitivity", 141)
    assert sensitivity["total"] == 141 * 4 and sensitivity["design_effect"] == 1
    # twice as wide as Wilson's interval of 50 cases, and so wider still than that of its 150
    assert specificity["cases"] == 150 and specificity["design_effect"] > 4
    assert specificity["needed"] == pytest.approx(141 * specificity["design_effect"], abs=1)


def test_what_is_undefined_is_left_out():
    nothing = {"estimate": None, "low": None, "high": None, "method": "undefined"}
    summary = {"per_class": {"sick": {"recall": nothing, "specificity": nothing}}}
    counts = {"well": 5, "sick": 0}
    options = {"n": 5, "width": 0.1, "confidence": 0.95}
    assert cases_needed(summary, counts, Task("binary", 2), **options) == []
