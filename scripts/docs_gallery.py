"""The gallery of the documentation: every transform and every figure, drawn when the site is built;
a hook of MkDocs.

    python scripts/docs_gallery.py FOLDER

The images are those of the lesion phantom, the scores those of its ideal observer, so nothing is
trained or downloaded.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

# One lively set of arguments for each transform; random ones are always applied.
TRANSFORMS: dict[str, dict[str, Any]] = {
    "RandFlip": {"spatial_axis": 1},
    "RandRotate90": {"max_k": 3},
    "RandAxisPermute": {},
    "RandRotate": {"range_x": 0.6},
    "RandAffine": {
        "rotate_range": [0.3],
        "shear_range": [0.2],
        "translate_range": [6, 6],
        "scale_range": [0.3],
    },
    "RandGaussianNoise": {"std": 0.2},
    "RandScaleIntensity": {"factors": 0.6},
    "RandShiftIntensity": {"offsets": 0.3},
    "RandAdjustContrast": {"gamma": (0.4, 2.5)},
    "RandColorJitter": {"brightness": 0.3, "contrast": 0.3, "saturation": 0.5, "hue": 0.3},
    "NormalizeIntensity": {"subtrahend": 0.5, "divisor": 0.25},
    "ScaleIntensity": {},
    "ScaleIntensityRange": {"a_min": 0.3, "a_max": 0.8, "b_min": 0.0, "b_max": 1.0, "clip": True},
    "Resize": {"spatial_size": (24, 24)},
}
_DRAWS = 4  # of a random transform, side by side


def transform_figures() -> dict[str, Figure]:
    """Return name -> the image before, and after four draws (one result where nothing is
    random).
    """
    import torch

    from medmonai import transforms

    image = _coloured()
    figures = {}
    for name, arguments in TRANSFORMS.items():
        random = name.startswith("Rand")
        transform = getattr(transforms, name)(**({"prob": 1.0} if random else {}), **arguments)
        count = _DRAWS if random else 1
        after = transform.batch(
            image.expand(count, -1, -1, -1).clone(), torch.Generator().manual_seed(3)
        )
        titles = [f"draw {number}" for number in range(1, count + 1)] if random else ["after"]
        figures[name] = _row([("before", image[0]), *zip(titles, after)])
    return figures


def _coloured() -> torch.Tensor:
    """Return one image (1, 3, 64, 64) in [0, 1] with a bright spot that is not in the middle."""
    import numpy as np
    import torch

    from medmonai.data import PhantomDesign

    design = PhantomDesign((64, 64), amplitude=50, lesion_width=6, noise_sd=8, position="random")
    noise = design.draw(1, lesion=False, rng=np.random.default_rng(3))[0]
    grey = np.clip((noise + design.signal((20, 40)) - 40) / 160, 0, 1)
    return torch.tensor(np.stack([grey, grey**1.5, grey**2])[None], dtype=torch.float32)


def _row(panels: list[tuple[str, torch.Tensor]]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.3 * (1 + _DRAWS), 1.5), layout="constrained")
    for axes, (title, x) in zip(
        figure.subplots(1, 1 + _DRAWS), [*panels, *[("", None)] * (1 + _DRAWS - len(panels))]
    ):
        axes.axis("off")
        if x is not None:
            low = min(0.0, float(x.min()))
            high = max(1.0, float(x.max()))
            axes.imshow(
                ((x - low) / (high - low)).permute(1, 2, 0).numpy(), interpolation="nearest"
            )
            axes.set_title(f"{title}, {float(x.min()):.1f} to {float(x.max()):.1f}", fontsize=6)
    return figure


def report_figures() -> dict[str, Figure]:
    """Return the figures of the report by the names of their functions: of the phantom and its
    ideal observer.
    """
    import numpy as np

    from medmonai import data, metrics, report, visualize
    from medmonai.predictions import Predictions

    design = data.PhantomDesign((28, 28))
    cohorts = {
        split: data.lesion_phantom(split=split, design=design, num_cases=400)
        for split in ("val", "test")
    }
    tables = {
        split: data.ideal_observer_predictions(cohort, design) for split, cohort in cohorts.items()
    }
    test = tables["test"]
    noisy = test.y_score[:, 1] + np.random.default_rng(0).normal(0, 0.2, len(test.ids))
    p = (noisy - noisy.min()) / np.ptp(noisy)
    other = Predictions(test.ids, test.y_true, np.stack([1 - p, p], 1), test.task, test.class_names)
    evaluation = report.evaluate(test, validation=tables["val"])
    drawn = {
        f"{name}_figure": figure for name, figure in report.evaluation_figures(evaluation).items()
    }
    drawn["score_distribution_figure"] = drawn.pop("scores_figure")
    lesions = cohorts["test"].images[cohorts["test"].labels == 1][:6]
    spot = np.repeat((design.signal() / design.signal().max())[None, None], len(lesions), axis=0)
    history = {
        "epoch": [1, 2, 3, 4],
        "stage": ["cross_entropy"] * 2 + ["auc"] * 2,
        "train_loss": [0.6, 0.5, 0.3, 0.2],
        "validation_auc": [0.8, 0.9, 0.92, 0.91],
    }
    return {
        **drawn,
        "samples_figure": visualize.samples_figure(cohorts["test"]),
        "label_distribution_figure": visualize.label_distribution_figure(
            {s: c.class_counts() for s, c in cohorts.items()}
        ),
        "image_sizes_figure": visualize.image_sizes_figure(
            np.random.default_rng(0).integers(200, 400, (300, 2))
        ),
        "history_figure": visualize.history_figure(history),
        "failures_figure": visualize.failures_figure(cohorts["test"], test, evaluation.decided),
        "saliency_figure": visualize.saliency_figure(lesions, spot),
        "comparison_figure": visualize.comparison_figure(
            metrics.compare_tables({"ideal": test, "noisy": other})
        ),
    }


_ABOUT_TRANSFORMS = (
    "Every transform, with the arguments below its images. Numbers above an image are its lowest "
    "and highest value. Each also exists for dictionaries (`RandFlipd`)."
)
_ABOUT_FIGURES = (
    "Every figure of `medmonai.visualize`, of the lesion phantom and its ideal observer. Learning "
    "curve, image sizes and saliency map are made up: they show the drawing, not a result. "
    "Research software: not for clinical use."
)


def gallery() -> dict[str, bytes]:
    """Return path in reference/ -> content: two pages of Markdown and their PNG files."""
    return {
        **_page("transforms", transform_figures(), _ABOUT_TRANSFORMS),
        **_page("figures", report_figures(), _ABOUT_FIGURES),
    }


def _page(page: str, figures: dict[str, Figure], about: str) -> dict[str, bytes]:
    from medmonai.visualize import styled

    lines = [f"# Gallery of {page}", "", about, ""]
    pictures = {}
    for name, figure in figures.items():
        with styled():
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=100)
        pictures[f"gallery/{name}.png"] = file.getvalue()
        lines += [f"## {name}", "", f"![{name}](gallery/{name}.png)", ""]
        if name in TRANSFORMS:
            arguments = ", ".join(f"{key}={value!r}" for key, value in TRANSFORMS[name].items())
            lines += [f"`{name}({arguments})`", ""]
    return {f"gallery_of_{page}.md": "\n".join(lines).encode(), **pictures}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the gallery to the site."""
    from mkdocs.structure.files import File

    for place, content in gallery().items():
        files.append(File.generated(config, f"reference/{place}", content=content))
    return files


def main(folder: Path) -> None:
    """Write the gallery into a folder."""
    for place, content in gallery().items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
