"""Options as they are typed."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.command_line import given_ids


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["foo"], "'foo' is not an option; write --name value"),
        (["-label", "x"], "'-label' is not an option; did you mean --label"),
        (["--label"], "--label has no value; write --label VALUE"),
        (["--label", "a", "--label", "b"], "--label is given twice; give it once"),
        (["--label=a", "--label", "a"], "--label is given twice"),
        (["--minuts", "5"], "--minuts is not an option; did you mean --minutes"),
        (["--plan_only"], "--plan_only is not an option; did you mean --plan-only"),
        (["--planonly", "true"], "--planonly is not an option; did you mean --plan-only"),
    ],
)
def test_mistakes(words, match):
    with pytest.raises(ValueError, match=match):
        given_ids(words, own=["minutes", "plan-only"])


def test_values():
    words = ["--a", "1", "--b=x=y", "--c", "[1, 2]", "--d", "True", "--positive_class", "1"]
    found = given_ids(words, own=["minutes"])
    assert found == {"a": 1, "b": "x=y", "c": [1, 2], "d": True, "positive_class": "1"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "images", "--output", "out", "--plan_only"], "did you mean --plan-only?"),
        (["fit", "images", "--output", "out", "--minuts", "3"], "did you mean --minutes?"),
        (["predict", "model", "images", "--over_write", "true"], "did you mean --overwrite?"),
    ],
)
def test_a_mistyped_option_of_a_command_is_recognized(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, words)
    assert done.exit_code and said in str(done.exception) and not list(tmp_path.iterdir())
