"""How objects show themselves: one line as text, escaped HTML that loads nothing."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from scored_tables import scored

from medmonai.data import Cohort, Provenance
from medmonai.data.audit import audit_cohorts
from medmonai.data.datalist import LeftOut, Listing
from medmonai.metrics import accuracy_test, auc_interval, compare_tables
from medmonai.notebook import MOST_ROWS, Card, one_line
from medmonai.predictions import Predictions
from medmonai.report import evaluate
from medmonai.run_results import RunFolder, TrainingHistory
from medmonai.task import Task

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "two\nlines\u202eturned\x1b[31m",
    "&amp;</td></table>'",
)
ALLOWED = {
    *("div", "strong", "table", "thead", "tbody", "tr", "th", "td"),
    *("figure", "figcaption", "img"),
}


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


def safe(shown):
    """What an object shows, after the checks that hold for all of them."""
    assert "\n" not in repr(shown) and "\u202e" not in repr(shown) and "\x1b" not in repr(shown)
    read = Reader(shown._repr_html_())
    assert set(read.tags) <= ALLOWED
    assert {name for name, _ in read.attributes} <= {"class", "style", "src", "alt", "width"}
    for name, value in read.attributes:
        assert name != "src" or value.startswith("data:image/png;base64,")
    return read


def pictures(shown):
    found = re.findall(r"base64,([^\"]+)", shown._repr_html_())
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def cohort(
    size=(6, 5), channels=1, *, cases=10, dtype=np.uint8, names=("normal", "lesion"), **more
):
    rng = np.random.default_rng(0)
    task = Task("binary", 2) if len(names) == 2 else Task("multiclass", len(names))
    return Cohort(
        (rng.random((cases, channels, *size)) * 200).astype(dtype),
        labels=np.arange(cases) % len(names),
        ids=[f"case{i}" for i in range(cases)],
        task=task,
        class_names=names,
        provenance=Provenance(more.pop("name", "example"), known_issues=more.pop("issues", ())),
        split="train",
        **more,
    )


def table(names=("normal", "lesion"), *, labels=True):
    scores = np.random.default_rng(1).random(40)
    return Predictions(
        [f"case{i}" for i in range(40)],
        np.arange(40) % 2 if labels else None,
        np.stack([1 - scores, scores], 1),
        Task("binary", 2),
        names,
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(6, 5), (6, 5, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_cohort_shows_at_most_eight_small_pictures(channels, size, dtype):
    shown = cohort(size, channels, dtype=dtype)
    safe(shown)
    drawn = pictures(shown)
    assert len(drawn) == 8 and {one.size for one in drawn} == {(5, 6)}
    colored = channels == 3 and dtype is np.uint8
    assert {one.mode for one in drawn} == {"RGB" if colored else "L"}
    first = shown.images[0] if len(size) == 2 else shown.images[0][..., 2]
    if dtype is np.uint8:
        expected = np.moveaxis(first, 0, -1) if colored else first[0]
        assert np.array_equal(np.asarray(drawn[0]), expected)
    else:
        assert np.asarray(drawn[0]).min() == 0 and np.asarray(drawn[0]).max() == 255


def test_the_pictures_are_of_every_class_by_turns_and_large_ones_are_made_small():
    shown = cohort((300, 200), cases=4, names=("a", "b", "c"))
    html = shown._repr_html_()
    assert re.findall("<figcaption[^>]*>(.*?)</figcaption>", html) == ["a", "b", "c", "a"]
    assert max(pictures(shown)[0].size) == 128
    constant = cohort(cases=2, dtype=np.float32)
    constant.images[:] = 3
    assert np.asarray(pictures(constant)[0]).max() == 0


def test_a_cohort_of_labels_without_a_positive_says_none():
    shown = Cohort(
        np.zeros((2, 1, 4, 4), np.uint8),
        labels=[[0, 0], [1, 1]],
        ids=["a", "b"],
        task=Task("multilabel", 2),
        class_names=("x", "y"),
        provenance=Provenance("example"),
        split="test",
    )
    html = shown._repr_html_()
    assert re.findall("<figcaption[^>]*>(.*?)</figcaption>", html) == ["x, y", "none"]


def every_object(names, word):
    """One of each kind, with the names of classes and of everything else as given."""
    images = cohort(names=names, name=word, issues=(word,), metadata={word: np.array(["x"] * 10)})
    listing = Listing(
        tuple(f"{i}.png" for i in range(4)),
        ids=[f"case{i}" for i in range(4)],
        labels=[0, 1, 0, 1],
        task=Task("binary", 2),
        class_names=names,
        provenance=images.provenance,
        splits=np.array(["train", "val", "test", "test"]),
        left_out=tuple(LeftOut(word, word) for _ in range(7)),
        notes=(word,),
    )
    one, other = table(names), table(names)
    compared = compare_tables({word: one, "other": other})
    return [
        images,
        images.provenance,
        listing,
        one,
        table(names, labels=False),
        compared,
        compared[0],
        audit_cohorts([images]),
        TrainingHistory({"epoch": ["1", "2"], "stage": [word, word], word: ["", word]}),
    ]


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_words_are_shown_as_they_are_and_do_nothing(word):
    names = (f"{word}0", f"{word}1")
    try:
        shown = every_object(names, word)
    except ValueError as error:  # predictions refuse line breaks
        assert "line break" in str(error)
        names = ("normal", "lesion")
        shown = [one for one in every_object(names, word.replace("\n", " "))]
    for one in shown:
        read = safe(one)
        assert one_line(word.replace("\n", " "))[:8] in read.text or isinstance(one, Predictions)


def test_each_says_what_it_is_in_one_line():
    listing = every_object(("normal", "lesion"), "set")[2]
    assert repr(listing) == "Listing(set: 4 cases, 2 classes, train 1, val 1, test 2)"
    assert (
        repr(table()) == "Predictions(40 cases, binary probabilities, {'normal': 20, 'lesion': 20})"
    )
    assert "no labels" in repr(table(labels=False))
    found = auc_interval([0, 0, 1, 1, 0, 1], [0.1, 0.4, 0.35, 0.8, 0.2, 0.7])
    assert repr(found).startswith("Interval(0.8889, 95% ") and "3 positive, 3 negative" in repr(
        found
    )
    safe(found)
    same = accuracy_test([True, True, False, True], [True, False, False, True])
    assert repr(same).startswith("PairedDifference(+0.2500, ")
    safe(same)
    [one] = compare_tables({"a": table(), "b": table()})
    assert repr(one).startswith("Comparison(a against b: not distinguishable; auc +0.0000 (95% ")
    assert repr(Provenance("set", version="2", licence="CC BY 4.0", known_issues=("x",))) == (
        "Provenance(set 2, CC BY 4.0, 1 known issue)"
    )
    assert repr(audit_cohorts([cohort()])).startswith("Audit(example: no splits yet")


def test_comparisons_are_a_list_and_a_table():
    pairs = compare_tables({"a": table(), "b": table(), "c": table()})
    assert isinstance(pairs, list) and len(pairs) == 3
    # the positive class, the header, the pairs
    assert safe(pairs).tags.count("tr") == 5 and safe(pairs[0]).tags.count("tr") == 3
    safe(type(pairs)())


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "ordinal"])
@pytest.mark.parametrize("validated", [True, False])
def test_an_evaluation_shows_its_metrics_with_intervals(kind, validated):
    validation = scored(kind, 90, split="val") if validated else None
    shown = evaluate(scored(kind, 90), validation=validation)
    auc = shown.metrics["auc"]
    text = safe(shown).text
    assert f"AUC {auc['estimate']:.4f} {auc['low']:.4f} to {auc['high']:.4f}" in text
    assert ("locked on validation" in text) is ("locked" in shown.metrics["decisions"])
    assert "balanced accuracy" in text or "subset accuracy" in text


def test_long_tables_and_texts_are_cut_and_the_rest_is_counted():
    read = Reader(Card("x" * 1000, header=("a",), rows=[("b" * 1000,)] * (MOST_ROWS + 5)).html())
    assert read.tags.count("tr") == MOST_ROWS + 1 and "and 5 more rows" in read.text
    assert max(map(len, read.text.split())) <= 200


def test_a_history_shows_first_best_kept_and_last_epoch_and_a_figure(tmp_path):
    columns = {
        "epoch": ["1", "2", "3", "4", "5"],
        "stage": ["ce", "ce", "ce", "auc", "auc"],
        "train_loss": ["0.7", "0.6", "0.5", "0.2", "0.1"],
        "validation_auc": ["0.6", "", "0.9", "0.8", "0.7"],
    }
    history = TrainingHistory(columns, kept=4)
    assert repr(history) == (
        "TrainingHistory(5 epochs: ce, auc, last validation AUC 0.7000, epoch 4 is kept)"
    )
    assert np.isnan(history["validation_auc"][1]) and history["stage"][0] == "ce"
    rows = re.findall("<tr><td[^>]*>(.*?)</td>", history._repr_html_())
    assert rows == ["1", "3", "4", "5"]
    assert len(pictures(history)) == 1 and safe(history)
    empty = TrainingHistory({})
    assert len(empty) == 0 and repr(empty) == "TrainingHistory(0 epochs: no stage)"
    assert safe(empty).tags == ["div", "strong"]


def test_a_run_folder_before_and_after_its_training(tmp_path):
    folder = RunFolder(tmp_path)
    assert len(folder.history) == 0 and repr(folder).endswith(": not evaluated)")
    assert "not evaluated" in safe(folder).text
    (tmp_path / "run.json").write_text(
        '{"title": "<b>T</b>", "best_epoch": 1, "class_names": ["<i>"]}'
    )
    (tmp_path / "history.csv").write_text("epoch,stage,validation_auc\n1,train,0.75\n")
    (tmp_path / "metrics.json").write_text(
        '{"splits": {"test": {"n": 60, "auc": {"estimate": 0.9, "low": 0.8, "high": null, '
        '"confidence": 0.95}}}}'
    )
    folder = RunFolder(tmp_path)
    assert folder.history["validation_auc"] == [0.75] and folder.history.kept == 1
    assert "test AUC 0.9000 (95% 0.8000 to undefined), n = 60" in repr(folder)
    assert "<i>" in safe(folder).text
    (tmp_path / "metrics.json").write_text('{"splits": {}}')
    with pytest.raises(ValueError, match=r"metrics\.json is damaged \(it lacks 'test'\)"):
        repr(RunFolder(tmp_path))


def test_what_shows_itself_is_cheap_to_import():
    code = (
        "import sys, medmonai.notebook, medmonai.run_results, medmonai.predictions.table; "
        "sys.exit(bool({'torch', 'monai', 'matplotlib', 'PIL', 'IPython'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
