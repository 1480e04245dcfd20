"""An error in one line."""

from __future__ import annotations

import os
import subprocess
import sys
import tokenize

import pytest

from medmonai.errors import one_line, sentence


def caught(outer, inner):
    try:
        raise outer from inner
    except Exception as error:
        return error


def test_the_cause_of_a_wrapped_error_is_told():
    assert one_line(ValueError("two\n  lines")) == "two lines"
    assert (
        one_line(
            caught(RuntimeError("wrapped"), caught(RuntimeError("again"), ValueError("inner")))
        )
        == "inner"
    )
    assert one_line(caught(ValueError("its own words"), KeyError("inner"))) == "its own words"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("seed=-1; a whole number is needed."), "seed=-1; a whole number is needed."),
        (KeyError("no split 'x', only train"), "no split 'x', only train"),
        (
            KeyError("x"),
            ("unexpected error KeyError: 'x'; please report it with the output of --traceback"),
        ),
        (
            IndexError("list index out of range"),
            "unexpected error IndexError: list index out of range; please report",
        ),
        (
            AttributeError("no attribute"),
            "unexpected error AttributeError: no attribute; please report",
        ),
        (
            tokenize.TokenError("EOF", (1, 2)),
            "unexpected error TokenError: ('EOF', (1, 2)); please report",
        ),
        (RecursionError("too deep"), "unexpected error RecursionError: too deep; please report"),
        (
            FileNotFoundError(2, "No such file or directory", "/no/x"),
            "/no/x: No such file or directory.",
        ),
        (
            OSError(18, "Invalid cross-device link", "a", None, "b"),
            "a and b: Invalid cross-device link.",
        ),
        (
            OSError(28, "x need 3 MB and /cache has 1 MB; set MEDMONAI_CACHE"),
            "x need 3 MB and /cache has 1 MB; set",
        ),
        (OSError("disk gone"), "disk gone"),
        (RuntimeError(""), "unexpected error RuntimeError: ; please report"),
        (MemoryError(), "out of memory: no memory left on the system; use smaller images"),
        (
            caught(RuntimeError("wrapped"), IndexError("inner")),
            "unexpected error IndexError: inner",
        ),
    ],
)
def test_every_error_has_a_sentence(error, said):
    assert sentence(error).startswith(said) and "\n" not in sentence(error)


def program(body, *words, **environment):
    code = f"import warnings\nfrom medmonai.errors import *\n{body}"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("words", "environment", "lines"),
    [
        ([], {}, 1),
        (["--traceback"], {}, 5),
        ([], {"MEDMONAI_TRACEBACK": "1"}, 5),
        ([], {"MEDMONAI_TRACEBACK": "0"}, 1),
    ],
)
def test_a_command_ends_in_one_line_and_the_rest_on_request(words, environment, lines):
    done = program("def f():\n    [][1]\nrun_in_words(f)", *words, **environment)
    said = done.stderr.splitlines()
    assert done.returncode == 1 and said[-1].startswith("error: unexpected error IndexError")
    assert len(said) == 1 if lines == 1 else len(said) >= lines


def test_ctrl_c_and_a_reader_that_goes_away():
    done = program("def f():\n    raise KeyboardInterrupt\nrun_in_words(f)")
    assert (done.returncode, done.stderr) == (130, "stopped\n")
    done = program("def f():\n    raise BrokenPipeError\nrun_in_words(f)")
    assert (done.returncode, done.stderr) == (1, "")


def test_warnings_are_sentences_and_deprecations_are_not_shown():
    done = program(
        "def f():\n    warnings.warn('AUC undefined')\n    warnings.warn('old', FutureWarning)\n"
        "run_in_words(f)"
    )
    assert (done.returncode, done.stderr) == (0, "warning: AUC undefined\n")


def test_what_ends_an_engine_is_said_once():
    body = (
        "import logging\nfrom ignite.engine import Engine\n"
        "from monai.engines import SupervisedTrainer\n"
        "logging.basicConfig()\nlast_word_on_errors()\n"
        "engine = Engine.__new__(SupervisedTrainer)\n"
        "def step(engine, batch):\n    raise ValueError('disk full')\n"
        "Engine.__init__(engine, step)\nrun_in_words(lambda: Engine.run(engine, [1]))"
    )
    done = program(body)
    assert done.returncode == 1 and done.stderr.count("disk full") == 1, done.stderr


def test_the_last_line_of_a_wrapped_error_is_ours():
    body = (
        "last_word_on_errors()\nlast_word_on_errors()\ntry:\n    raise ValueError('inner')\n"
        "except ValueError as error:\n    raise RuntimeError('wrapped') from error"
    )
    done = program(body)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == "error: inner"
    assert done.stderr.count("error: inner") == 1 and "RuntimeError: wrapped" in done.stderr
