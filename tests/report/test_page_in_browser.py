"""The report in a real browser: nothing is blocked, tables sort, nothing overflows a telephone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html import unescape

import pytest
from chromium import Browser, installed
from scored_tables import scored

from medmonai.predictions import write_predictions
from medmonai.report import Table, evaluate, write_evaluation, write_report
from medmonai.report.page import RunPage, Section, render_page

needs_browser = pytest.mark.skipif(installed() is None, reason="Chromium is not installed")
LONG = "no evidence of acute intracranial haemorrhage on the non-contrast study <b> " * 2


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report with long names, a hostile id and two runs."""
    folders = []
    for kind in ("binary", "eleven"):
        folder = tmp_path_factory.mktemp(kind)
        test = scored(kind, 120)
        names = tuple(f"{LONG}{c}" for c in range(test.task.num_classes))
        named = replace(test, class_names=names)
        write_evaluation(evaluate(named), folder, data={"known_issues": ["x" * 300]})
        write_predictions(named, folder / "predictions_test.csv")
        folders.append(folder)
    return write_report(folders)[0]


def made(tmp_path, rows, header=("name", "value")):
    """A page with one table."""
    section = Section("S", "s", tables=(Table("t", "caption", header, rows),))
    html = render_page(
        [RunPage("r", "r", sections=(section,))], title="t", subtitle="", notice="", made_by=""
    )
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    return path


def column(browser, place=0):
    return browser.evaluate(
        "[...document.querySelectorAll('tbody tr')]"
        f".map(row => row.cells[{place}].textContent).join('|')"
    ).split("|")


def click(browser, place):
    browser.evaluate(f"document.querySelectorAll('thead button')[{place}].click()")


def test_the_policy_allows_this_style_and_this_script_and_nothing_else(page):
    html = page.read_text(encoding="utf-8")
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1])
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for rule, tag in (("style-src", "style"), ("script-src", "script")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'" and "unsafe" not in policy


@needs_browser
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_blocked_or_overflows(browser, page, width, scheme):
    browser.open(page, width=width, features={"prefers-color-scheme": scheme})
    assert browser.problems == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(
        "[...document.images].every(i => i.complete && i.naturalWidth > 0 "
        "&& i.closest('figure').clientWidth >= i.parentElement.clientWidth)"
    )
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 25, 30)"}[scheme]


@needs_browser
def test_figures_fill_their_columns_and_are_crisp_at_twice_the_width(browser, page):
    browser.open(page, width=1200)
    sizes = browser.evaluate(
        "JSON.stringify([...document.querySelectorAll('figure img')].map(i => "
        "[i.getBoundingClientRect().width, i.closest('figure').clientWidth, i.naturalWidth]))"
    )
    for shown, room, pixels in json.loads(sizes):
        assert shown == pytest.approx(room, abs=1) and pixels >= 2 * shown


@needs_browser
@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["0.9 (0.8 to 1.0)", "0.10 (0.0 to 0.2)", "undefined", "0.5"], [1, 3, 0, 2]),
        (["10", "9", "1,100", "<0.001"], [3, 1, 0, 2]),
        (["+0.2 (0.1 to 0.3)", "-0.1", "\u22120.3", "0"], [2, 1, 3, 0]),
        (["class 10", "class 9", "Class 1", "b"], [3, 2, 1, 0]),
        (["2020-02-01", "2020-01-01", "2019-12-31", "2021-01-01"], [2, 1, 0, 3]),
        (["3/3", "2/3", "-", "1/3"], [3, 1, 0, 2]),
        (["10/30", "9/10", "-", "2/3 (0.67)"], [0, 3, 1, 2]),
        (["undefined", "0.5", "undefined", "undefined"], [1, 0, 2, 3]),
        (["-", "0.5", "withheld [few cases]", "0.1"], [3, 1, 0, 2]),
        (["1e-5", "1e-7", "2e-6", ".5"], [1, 2, 0, 3]),
        (["7_a.png", "11_a.png", "7_b.png", "1_a.png"], [3, 0, 2, 1]),
    ],
)
def test_columns_sort_by_number_or_by_text(browser, tmp_path, cells, expected):
    browser.open(made(tmp_path, tuple((f"row {i}", cell) for i, cell in enumerate(cells))))
    click(browser, 1)
    assert column(browser) == [f"row {i}" for i in expected]
    click(browser, 1)
    missing = [i for i in expected if cells[i].split(" [")[0] in ("undefined", "-", "withheld")]
    backwards = [i for i in reversed(expected) if i not in missing] + missing
    assert column(browser) == [f"row {i}" for i in backwards]
    click(browser, 1)
    assert column(browser) == [f"row {i}" for i in range(4)]


@needs_browser
def test_sorting_works_by_keyboard_and_is_announced(browser, tmp_path):
    browser.open(made(tmp_path, (("b", "1"), ("a", "2"), ("c", "3"))))
    states = "JSON.stringify([...document.querySelectorAll('th[scope=col]')].map(h => h.ariaSort))"
    assert browser.evaluate(states) == "[null,null]"
    browser.evaluate("document.querySelector('thead button').focus()")
    browser.press("Enter")
    assert column(browser) == ["a", "b", "c"]
    assert browser.evaluate(states) == '["ascending",null]'
    browser.press(" ")
    assert column(browser) == ["c", "b", "a"]
    assert browser.evaluate(states) == '["descending",null]'
    click(browser, 1)
    assert browser.evaluate(states) == '[null,"ascending"]'


@needs_browser
@pytest.mark.parametrize("prose", [False, True])
def test_sentences_are_broken_into_lines(browser, tmp_path, prose):
    table = Table("t", "caption", ("choice", "reason"), (("size", "a reason " * 30),), prose=prose)
    page = RunPage("r", "r", sections=(Section("S", "s", tables=(table,)),))
    path = tmp_path / "page.html"
    html = render_page([page], title="t", subtitle="", notice="", made_by="")
    path.write_text(html, encoding="utf-8")
    browser.open(path, width=800)
    box = "document.querySelector('.scroll')"
    fits = browser.evaluate(f"{box}.scrollWidth <= {box}.clientWidth")
    assert fits == prose


@needs_browser
def test_a_table_of_one_row_has_nothing_to_sort(browser, tmp_path):
    browser.open(made(tmp_path, (("b", "1"),)))
    assert browser.evaluate("document.querySelectorAll('thead button').length") == 0


@needs_browser
def test_sections_fold_and_all_are_open_on_paper(browser, page):
    browser.open(page)
    browser.evaluate("document.querySelector('section > details > summary').click()")
    closed = "document.querySelectorAll('details:not([open])').length"
    before = browser.evaluate(closed)
    assert before >= 1
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate(closed) == 0
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    assert browser.evaluate(closed) == before
    browser.evaluate("location.hash = document.querySelector('section').id")
    browser.evaluate("new Promise(done => setTimeout(done))")
    assert browser.evaluate("document.querySelector('section > details').open")


@needs_browser
def test_a_link_of_the_contents_opens_its_section_every_time(browser, tmp_path):
    browser.open(made(tmp_path, (("b", "1"),)))
    for _ in range(2):  # the address stays the same at the second click
        browser.evaluate("document.querySelector('section > details').open = false")
        browser.evaluate("document.querySelector('nav a').click()")
        browser.evaluate("new Promise(done => setTimeout(done))")
        assert browser.evaluate("document.querySelector('section > details').open")


@needs_browser
def test_only_tables_that_scroll_are_stops_of_the_keyboard(browser, tmp_path):
    stop = "document.querySelector('.scroll').tabIndex"
    browser.open(made(tmp_path, (("b", "1"),)), width=400)
    assert browser.evaluate(stop) == -1
    wide = tuple(f"a long name of column {i}" for i in range(12))
    browser.open(made(tmp_path, (wide,), header=wide), width=400)
    assert browser.evaluate(stop) == 0


def test_the_page_is_complete_without_its_script(page):
    html = re.sub(r"<script>.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "<button" not in html
    assert html.count("<details open>") == html.count("<section ")
    assert (
        "Each class at the operating point" in html
        and LONG.strip().replace("<b>", "&lt;b&gt;") in html
    )
