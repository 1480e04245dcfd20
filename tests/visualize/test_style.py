"""Saving: PNG and PDF, whole or not at all, the same bytes each time; settings left as they
were.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
import zlib

import matplotlib
import pytest
from matplotlib import font_manager
from PIL import Image

from medmonai.visualize import history_figure, save_figure, style, styled
from medmonai.visualize.style import COLUMN_WIDTH, DPI, NOTICE, line_look, new_figure

HISTORY = {"loss": [3, 2, 1], "val_auc": [0.5, 0.6, 0.7]}


def test_png_and_pdf(tmp_path):
    png, pdf = save_figure(history_figure(HISTORY), tmp_path / "run.1")
    assert (png, pdf) == (tmp_path / "run.1.png", tmp_path / "run.1.pdf")
    assert sorted(os.listdir(tmp_path)) == ["run.1.pdf", "run.1.png"]
    with Image.open(png) as image:
        assert image.width == round(COLUMN_WIDTH * DPI)
        assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
    assert pdf.read_bytes().startswith(b"%PDF")


def test_same_figure_same_bytes_without_dates(tmp_path):
    first = save_figure(history_figure(HISTORY), tmp_path / "a")
    second = save_figure(history_figure(HISTORY), tmp_path / "b")
    for a, b in zip(first, second):
        assert a.read_bytes() == b.read_bytes()
        assert b"Date" not in a.read_bytes()
        assert b"Matplotlib" not in a.read_bytes()


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_existing_files_are_kept(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").write_text("old")
    with pytest.raises(FileExistsError, match=f"a.{suffix} exists"):
        save_figure(history_figure(HISTORY), tmp_path / "a")
    assert os.listdir(tmp_path) == [f"a.{suffix}"]
    save_figure(history_figure(HISTORY), tmp_path / "a", overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["a.pdf", "a.png"]


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="create it first"):
        save_figure(history_figure(HISTORY), tmp_path / "no" / "a")


def test_notice_is_on_the_figure_and_settings_are_left_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    figure = history_figure(HISTORY)
    save_figure(figure, tmp_path / "a")
    assert figure.get_supxlabel() == NOTICE == "Research use only, not for clinical use"
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_not_imported():
    code = (
        "import sys, medmonai.visualize.history, medmonai.visualize.roc; "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_21_curves_look_different():
    looks = [tuple(line_look(i).values()) for i in range(22)]
    assert len(set(looks[:21])) == 21
    assert looks[21] == looks[0]


def test_fonts_of_a_pdf_carry_no_layout_tables_and_the_option_is_put_back(tmp_path):
    from fontTools.subset import Options

    before = list(Options().drop_tables)
    figure = new_figure(1.0)
    figure.text(0.5, 0.5, "AUC fi 0.91")
    _, pdf = save_figure(figure, tmp_path / "a")
    assert Options().drop_tables == before
    fonts = [
        zlib.decompress(stream)
        for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf.read_bytes(), re.DOTALL)
        if stream[:1] == b"x"
    ]
    fonts = [font for font in fonts if font[:4] == b"\0\1\0\0"]
    assert fonts and all(b"glyf" in font[:300] and b"GSUB" not in font[:300] for font in fonts)


def test_missing_characters_are_one_warning_and_other_warnings_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "_families", lambda: ["DejaVu Sans"])
    with styled():
        figure = new_figure(1.0)
        figure.text(0.5, 0.5, "\u6b63\u5e38 AUC")
    with pytest.warns(UserWarning) as caught:
        save_figure(figure, tmp_path / "a")
    (one,) = caught
    assert "no installed font has the characters \u5e38\u6b63: figures show boxes" in str(
        one.message
    )

    figure.canvas.mpl_connect("draw_event", lambda _: warnings.warn("another one", stacklevel=1))
    with pytest.warns(UserWarning) as caught:
        save_figure(figure, tmp_path / "b")
    assert {"another one"} < {str(warning.message) for warning in caught}


def test_a_font_for_what_dejavu_lacks_is_used_where_it_is_installed(monkeypatch):
    installed = ["DejaVu Sans", style.FALLBACKS[2], style.FALLBACKS[4]]
    monkeypatch.setattr(font_manager, "get_font_names", lambda: installed)
    assert style._families.__wrapped__() == ["DejaVu Sans", style.FALLBACKS[2]]
    monkeypatch.setattr(font_manager, "get_font_names", lambda: ["DejaVu Sans"])
    assert style._families.__wrapped__() == ["DejaVu Sans"]
