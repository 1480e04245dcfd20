"""What a fit refuses before it trains, and how one that was killed while it planned goes on."""

from __future__ import annotations

import shutil

import pytest
from fit_commands import call, save
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.data import PhantomDesign, lesion_phantom
from medmonai.planning import rules


@pytest.mark.parametrize("lost", ["model", "fit.json", "splits/member_1.csv"])
def test_a_fit_that_was_killed_while_it_planned_goes_on(lost, tmp_path, monkeypatch):
    monkeypatch.setitem(rules._STEPS, 2, 24)
    design = PhantomDesign((16, 16), noise_sd=10)
    cohort = lesion_phantom(split="train", design=design, num_cases=60, seed=1)
    source = save(cohort, tmp_path / "in")
    words = ["fit", source, "--plan-only", "--output", tmp_path / "out"]
    call(*words)
    before = {
        path: path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file() and path.suffix in (".csv", ".json") and path.name != "metadata.json"
    }
    if lost == "fit.json":  # it was not yet there, so nothing that follows it was either
        for name in ("model", "splits"):
            shutil.rmtree(tmp_path / "out" / name)
        del before[tmp_path / "out" / lost]  # its forecast is measured again
    path = tmp_path / "out" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    call(*words)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_changed_data_are_not_trained_on_by_an_older_plan(tmp_path):
    design = PhantomDesign((16, 16), noise_sd=10)
    source = save(lesion_phantom(split="train", design=design, num_cases=60), tmp_path / "in")
    words = ["fit", str(source), "--plan-only", "--output", str(tmp_path / "out")]
    call(*words)
    call(words[0], f"{source}/.", *words[2:])  # the same folder
    shutil.copy(next(source.rglob("*.png")), source / "lesion" / "new.png")
    done = CliRunner().invoke(app, words)
    assert "holds other cases, labels or patients than when" in str(done.exception)
    done = CliRunner().invoke(app, [*words, "--minutes", "9"])
    assert str(done.exception).endswith("choose another --output.")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--minutes", "0"], "minutes=0"),
        (["--minutes", "-2"], "minutes=-2"),
        (["--minutes", "nan"], "minutes=nan; more than 0 are needed"),
        (["--seed", "-1"], "seed=-1; 0 to 2147483647 is needed"),
        (["--seed", 2**40], "seed=1099511627776; 0 to"),
        (["--skip_unreadable", "no"], "skip_unreadable='no'; true or false"),
    ],
)
def test_numbers_and_switches_are_refused_before_the_look(words, match, tmp_path):
    (tmp_path / "in").mkdir()
    done = call("fit", tmp_path / "in", "--output", tmp_path / "out", *words, code=1)
    assert match in str(done.exception) and not (tmp_path / "out").exists()


def test_folders_that_are_refused(tmp_path):
    design = PhantomDesign((16, 16), noise_sd=10)
    source = save(lesion_phantom(split="train", design=design, num_cases=40), tmp_path / "in")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    (tmp_path / "file").write_text("")
    for output, error, said in (
        (source / "out", ValueError, "lies inside"),
        (tmp_path / "mine", FileExistsError, "holds thesis.txt and no fit"),
        (tmp_path / "file", FileExistsError, "is a file"),
    ):
        done = CliRunner().invoke(app, ["fit", str(source), "--output", str(output)])
        assert isinstance(done.exception, error) and said in str(done.exception)
    assert not (source / "out").exists() and (tmp_path / "mine" / "thesis.txt").exists()
