"""The page of a study: the answer in short, tables and a figure for each bundle, how it was
compared, how to repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.figure import Figure

import medmonai
from medmonai.metrics import verdict_scope
from medmonai.report import NOT_CLINICAL, Table
from medmonai.report.page import PageFigure, RunPage, Section, TextBlock, render_page
from medmonai.report.wording import interval, method_words, number, p_number
from medmonai.visualize.arms import arms_figure

from .findings import BundleSummary, StudySummary, VariantSummary

NOTHING = "-"
SPREAD = (
    "Two spreads that are not to be mixed: the interval says what other test cases would change, "
    "with the networks as they are; the spread over seeds says what training again would change, "
    "on the same cases. Neither holds the other."
)


def verdict_table(bundle: BundleSummary) -> Table:
    """Return each variant's test AUC with its interval, the difference to the baseline, p and
    verdict.
    """
    rows = tuple(
        (
            _marked(v, bundle),
            *_tested(v, bundle),
            interval(v.interval) if v.interval else NOTHING,
            f"{len(v.seeds)}/{len(v.expected)}",
        )
        for v in bundle.variants
    )
    about = f" (positive class: {bundle.positive_class})" if bundle.positive_class else ""
    caption = f"{bundle.name}: AUC of the seed-averaged scores on test{about}"
    known = [v.interval for v in bundle.variants if v.interval]
    if known:
        groups = f" in {known[0]['n_groups']} groups" if known[0]["n_groups"] else ""
        caption += (
            f", {known[0]['n']} cases{groups}, {known[0]['confidence']:.0%} interval "
            f"({', '.join(sorted({method_words(comparison['method']) for comparison in known}))})"
        )
    tests = sorted(
        {method_words(v.against_baseline.method) for v in bundle.variants if v.against_baseline}
    )
    if tests:
        caption += (
            f"; difference to the baseline {bundle.baseline!r} on the same cases and seeds "
            f"({', '.join(tests)}), p with Holm's correction over the variants"
        )
    scope = verdict_scope([v.against_baseline for v in bundle.variants if v.against_baseline])
    header = ("variant", "verdict", "difference", "p (Holm)", "test AUC", "seeds")
    return Table(f"{bundle.name}-verdicts", f"{caption}. {scope}".rstrip(), header, rows)


def _marked(v: VariantSummary, bundle: BundleSummary) -> str:
    return f"{v.name} (selected)" if v.name == bundle.selected else v.name


def _tested(v: VariantSummary, bundle: BundleSummary) -> tuple[str, str, str]:
    found = v.against_baseline
    if found is None:
        return "baseline" if v.name == bundle.baseline else NOTHING, NOTHING, NOTHING
    return found.verdict, v.differs_from_baseline, p_number(found.p_holm)


def seeds_table(bundle: BundleSummary) -> Table:
    """Return the spread over seeds, validation, balanced accuracy and time of each variant."""
    rows = tuple(
        (
            _marked(v, bundle),
            _spread(v),
            *_validation(v, bundle),
            NOTHING if v.balanced_accuracy is None else number(v.balanced_accuracy),
            NOTHING if v.seconds is None else f"{v.seconds:.0f}",
        )
        for v in bundle.variants
    )
    folded = any(v.folds for v in bundle.variants)
    caption = (
        f"{bundle.name}: over seeds, apart from the interval above: mean (SD) of the test AUC; "
        f"mean validation AUC{' (out of fold)' if folded else ''}, the only basis for selection, "
        "and its verdict against the selected variant (averaged scores, Holm's correction); mean "
        "balanced accuracy on test at each run's threshold locked on validation; mean seconds per "
        "seed."
    )
    header = (
        "variant",
        "test AUC, mean (SD)",
        "validation AUC",
        "against selected",
        "balanced accuracy",
        "seconds",
    )
    return Table(f"{bundle.name}-seeds", caption, header, rows)


def _spread(v: VariantSummary) -> str:
    found = v.test_spread
    if found["mean"] is None:
        return NOTHING
    spread = "one seed" if found["sd"] is None else number(found["sd"], 4)
    return f"{number(found['mean'], 4)} ({spread})"


def _validation(v: VariantSummary, bundle: BundleSummary) -> tuple[str, str]:
    mean = v.validation_spread["mean"]
    against = v.against_selected
    said = "selected" if v.name == bundle.selected else against.verdict if against else NOTHING
    return (NOTHING if mean is None else number(mean, 4)), said


def bundle_figure(bundle: BundleSummary, *, confidence: float) -> Figure:
    """Draw the variants of a bundle; seeds and intervals that are undefined have no mark."""
    seeds = {
        v.name: [value for value in v.test_spread["values"] if value is not None]
        for v in bundle.variants
    }
    drawn = {
        v.name: tuple(v.interval[key] for key in ("estimate", "low", "high"))
        for v in bundle.variants
        if v.interval and v.interval["estimate"] is not None
    }
    verdicts = {v.name: v.against_baseline.verdict for v in bundle.variants if v.against_baseline}
    return arms_figure(
        seeds,
        intervals=drawn,
        verdicts=verdicts,
        baseline=bundle.baseline,
        selected=bundle.selected,
        confidence=confidence,
    )


def study_page(
    summary: StudySummary,
    figures: Mapping[BundleSummary, bytes],
    *,
    title: str,
    question: str,
    unfinished: Sequence[str],
    commands: Sequence[str],
    facts: Sequence[str],
    rocs: Mapping[BundleSummary, bytes],
) -> str:
    """Return the page as HTML: one file, nothing loaded from elsewhere.

    Args:
        summary: what was found.
        figures: that of each bundle as PNG.
        title: of the study.
        question: what it asked.
        unfinished: cells that are not in the summary, each with its reason.
        commands: that repeat the study.
        facts: versions and settings.
        rocs: the ROC curves of each bundle as PNG, where there are any.
    """
    sections = [
        Section(
            "The answer in short",
            "answer",
            texts=(question,) if question else (),
            facts=tuple(line for bundle in summary.bundles for line in _answers(bundle, summary)),
        )
    ]
    for place, bundle in enumerate(summary.bundles, start=1):
        sections.append(_section(bundle, f"bundle{place}", figures[bundle], rocs.get(bundle)))
    sections.append(
        Section("How the variants were compared", "how", (SPREAD,), tuple(_rules(summary)))
    )
    if unfinished:
        sections.append(Section("Cells not included", "unfinished", facts=tuple(unfinished)))
    blocks = (TextBlock("Commands", "\n".join(commands)),) if commands else ()
    sections.append(Section("How to repeat this", "repeat", facts=tuple(facts), blocks=blocks))
    done = sum(result is not None for _, result in summary.cells)
    cells = len(summary.cells)
    subtitle = (
        f"{done} of {cells} cells, "
        f"{len(summary.bundles)} bundle{'s' if len(summary.bundles) > 1 else ''}"
    )
    return render_page(
        [RunPage("study", "study", sections=tuple(sections))],
        title=title,
        subtitle=subtitle,
        notice=NOT_CLINICAL,
        made_by=f"medmonai {medmonai.__version__}. This file is self-contained.",
    )


def _section(bundle: BundleSummary, anchor: str, figure: bytes, roc: bytes | None) -> Section:
    """Return the section of one bundle: its tables and figures."""
    drawn = [
        PageFigure.from_png(
            figure,
            f"{bundle.name}: the interval of each variant's seed-averaged scores and, below it, "
            "each seed and their mean. The line is the baseline.",
            title="Variants",
            reading="Only the verdict tells whether a variant differs from the baseline; circles "
            "that spread widely mean that another seed can change the order.",
        )
    ]
    if roc is not None:
        drawn.append(
            PageFigure.from_png(
                roc,
                f"{bundle.name}: ROC curves on test of the seed-averaged scores.",
                title="ROC curves",
                reading=(
                    "If curves cross, each model is better at different operating points; the "
                    "verdict compares the areas below them."
                ),
            )
        )
    return Section(
        bundle.name,
        anchor,
        (bundle.note,) if bundle.note else (),
        tuple(f"{v.name}: {v.note}." for v in bundle.variants if v.note),
        (verdict_table(bundle), seeds_table(bundle)),
        tuple(drawn),
    )


def _answers(bundle: BundleSummary, summary: StudySummary) -> Iterator[str]:
    """Yield the sentences about one bundle."""
    by_verdict: dict[str, list[str]] = {}
    for v in bundle.variants:
        if v.against_baseline:
            by_verdict.setdefault(v.against_baseline.verdict, []).append(v.name)
    if bundle.baseline is None:
        yield f"{bundle.name}: {bundle.note}"
    elif not by_verdict:
        yield f"{bundle.name}: nothing could be compared with the baseline {bundle.baseline!r} yet."
    for verdict, joint in (("better", "than"), ("worse", "than"), ("not distinguishable", "from")):
        if verdict in by_verdict:
            names = "; ".join(by_verdict[verdict])  # a grid point has commas in its name
            yield (
                f"{bundle.name}: {verdict} {joint} the baseline {bundle.baseline!r} on test: "
                f"{names}."
            )
    if bundle.selected is not None:
        chosen = bundle[bundle.selected]
        alike = len(bundle.not_distinguishable)
        others = sum(v.against_selected is not None for v in bundle.variants)
        same = (
            (
                f"; validation can tell {others - alike} of "
                f"{others} other{'s' if others > 1 else ''} from it"
            )
            if others
            else ""
        )
        yield (
            f"{bundle.name}: validation selects {chosen.name!r} (mean AUC "
            f"{number(chosen.validation_spread['mean'], 4)}{same}); its test AUC is "
            f"{interval(chosen.interval) if chosen.interval else 'undefined'}."
        )


def _rules(summary: StudySummary) -> Iterator[str]:
    """Yield what a reviewer asks about the comparison."""
    yield (
        "Verdicts: each variant against the baseline on the same test cases, on scores averaged "
        "over the seeds that both have; the AUCs' difference by DeLong's test; p values with "
        "Holm's correction over the variants of a bundle, at a "
        f'level of {summary.alpha:g}. "Not distinguishable" does not mean equal. Intervals are not '
        "corrected."
    )
    if summary.verdict_is_about:
        yield summary.verdict_is_about
    yield (
        "Selection: the highest mean validation AUC over seeds among the variants with the most "
        "finished seeds. Test figures are shown for all variants and choose nothing; to quote the "
        "selected one, quote its test figure, not the best one."
    )
    yield (
        "Validation AUCs belong to checkpoints that were chosen on validation: they are a little "
        "too good, and the more variants are tried, the more so for the selected one."
    )
    if any(v.folds for bundle in summary.bundles for v in bundle.variants):
        yield (
            "Cross-validation: validation AUCs are of pooled out-of-fold scores; test scores "
            "of a seed are the mean over its folds."
        )
