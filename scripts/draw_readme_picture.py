"""Draw the picture at the top of README from the figures of a finished run.

    medmonai run lesion_phantom --output_dir OUT
    python scripts/draw_readme_picture.py OUT docs/images/report.png

The figures are those that the run's report shows; the heading is read from its metrics.json.
Nothing is drawn by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

FIGURES = ("history", "roc", "calibration", "confusion")
HEIGHT = 540
GAP = 18
HEADING = 86
COLOURS = 64  # few, so that the file stays small


def heading(folder: Path) -> list[str]:
    """Return the two lines above the figures: whose AUC it is, and the reference beside it."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    name = metrics["data"].get("name") or folder.name
    scores = {"test": metrics["splits"]["test"], **metrics["references"]}
    said = [
        (
            f"{split.replace('_', ' ')} AUC "
            f"{one['auc']['estimate']:.3f} ({one['auc']['low']:.3f} to {one['auc']['high']:.3f})"
        )
        for split, one in scores.items()
    ]
    return [
        f"medmonai report: {name.replace('_', ' ')}",
        f"{', '.join(said)}; n = {scores['test']['n']}. Not for clinical use.",
    ]


def picture(folder: Path, names: Sequence[str] = FIGURES) -> Image.Image:
    """Return the run's figures side by side under a heading."""
    figures = [Image.open(folder / "figures" / f"{name}.png").convert("RGB") for name in names]
    scaled = [
        one.resize((round(one.width * HEIGHT / one.height), HEIGHT), Image.Resampling.LANCZOS)
        for one in figures
    ]
    page = Image.new(
        "RGB", (sum(one.width + GAP for one in scaled) + GAP, HEADING + HEIGHT + GAP), "white"
    )
    pen = ImageDraw.Draw(page)
    font = font_manager.findfont("DejaVu Sans")
    for line, (place, size) in zip(heading(folder), ((12, 26), (48, 20))):
        pen.text((GAP, place), line, fill="black", font=ImageFont.truetype(font, size))
    left = GAP
    for one in scaled:
        page.paste(one, (left, HEADING))
        left += one.width + GAP
    return page.quantize(COLOURS)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a finished run")
    parser.add_argument("output", type=Path, help="the PNG file")
    words = parser.parse_args()
    words.output.parent.mkdir(parents=True, exist_ok=True)
    picture(words.folder).save(words.output, optimize=True)


if __name__ == "__main__":
    main()
