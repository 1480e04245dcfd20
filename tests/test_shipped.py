"""Bundles and studies by name: from the checkout, and from a wheel alone."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from medmonai.bundle import bundle_configs
from medmonai.shipped import (
    bundle_lines,
    shipped_bundle,
    shipped_bundles,
    shipped_folder,
    shipped_studies,
)
from medmonai.studies.definition import find_study

ROOT = Path(__file__).resolve().parents[1]
SMALL = [
    "--max_epochs",
    "2",
    "--warmup_epochs",
    "1",
    "--train_cases",
    "128",
    "--spatial_size",
    "[16,16]",
]


def test_every_bundle_and_study_is_shipped_and_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shipped_folder() == ROOT
    assert {path.name for path in (ROOT / "bundles").glob("*_classification")} == set(
        shipped_bundles()
    )
    for name, folder in shipped_bundles().items():
        assert (
            bundle_configs(name)
            == bundle_configs(name.removesuffix("_classification"))
            == folder / "configs"
        )
    study = ROOT / "scripts" / "ablations" / "augmentation.json"
    assert find_study("augmentation") == find_study("augmentation.json") == study
    assert set(shipped_studies()) == {
        path.stem for path in (ROOT / "scripts" / "ablations").glob("*.json")
    }
    assert [line.split()[0] for line in bundle_lines()] == [
        name.removesuffix("_classification") for name in shipped_bundles()
    ]
    assert shipped_bundle("nothing") is None


def test_a_folder_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pneumoniamnist" / "configs").mkdir(parents=True)
    (tmp_path / "pneumoniamnist" / "configs" / "train.json").write_text("{}")
    assert bundle_configs("pneumoniamnist") == Path("pneumoniamnist") / "configs"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pneumoniamist", r"no bundle at pneumoniamist; did you mean pneumoniamnist\?"),
        ("lesion_fantom_classification", r"did you mean lesion_phantom\?"),
        ("zzz", "name a folder that holds configs/train.json, or one of `medmonai bundles`"),
    ],
)
def test_the_nearest_name_is_suggested(name, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=said):
        bundle_configs(name)


def test_a_wheel_alone_runs_a_bundle_by_its_name(tmp_path):
    built = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
    ]
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "--quiet", "--local", str(ROOT), str(source)], check=True)
    for name in subprocess.run(
        ["git", "ls-files", "-mo", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines():  # what is not committed yet
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    of_a_run = source / "bundles" / "lesion_phantom_classification" / "models" / "model.pt"
    of_a_run.parent.mkdir()
    of_a_run.write_bytes(b"weights that somebody trained")
    subprocess.run([*built, str(source)], check=True)
    place = tmp_path / "environment"
    venv.create(place, with_pip=False)
    (site,) = place.glob("lib/python*/site-packages")
    python = place / "bin" / "python"
    # The packages that medmonai needs come from the environment of this test; medmonai itself only
    # from the wheel.
    (wheel,) = tmp_path.glob("medmonai-*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    (site / "others.pth").write_text(
        "\n".join(p for p in sys.path if p.endswith("-packages")) + "\n"
    )
    work = tmp_path / "empty"
    work.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {
        "OMP_NUM_THREADS": "1"
    }

    def medmonai(*words):
        code = "import sys; from medmonai.__main__ import main; sys.argv[0] = 'medmonai'; main()"
        return subprocess.run(
            [str(python), "-c", code, *words],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    where = [str(python), "-c", "import medmonai; print(medmonai.__file__)"]
    found = subprocess.run(
        where, cwd=work, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert found.startswith(str(site))
    assert medmonai("--version").stdout.startswith("medmonai ")
    assert medmonai("bundles").stdout.splitlines() == bundle_lines()
    assert not list(site.glob("medmonai/share/**/models"))
    done = medmonai("run", "lesion_phantom", *SMALL)
    assert done.returncode == 0, done.stderr
    assert (work / "runs" / "lesion_phantom" / "report.html").is_file() and not list(
        site.glob("medmonai/share/**/models")
    )
    wrong = medmonai("run", "pneumoniamnst")
    assert wrong.returncode == 1 and wrong.stderr.strip().endswith("did you mean pneumoniamnist?")
    only = ("--bundle", "pneumoniamnist_classification")
    listed = medmonai("study", "run", "augmentation", "--output", "out", "--dry-run", *only)
    assert listed.returncode == 0 and "pneumoniamnist" in listed.stdout, listed.stderr
