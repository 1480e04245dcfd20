"""`medmonai dicom-node`: what it says before it starts."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner
from untrained_bundles import KINDS, untrained_bundle

from medmonai.__main__ import app


def said(*words):
    done = CliRunner().invoke(app, ["dicom-node", *map(str, words)])
    assert done.exit_code != 0
    return done.output + str(done.exception)


@pytest.mark.parametrize("package", ["highdicom", "pynetdicom", "dicomweb_client"])
def test_a_missing_package_is_named_with_the_extra(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    message = said("fit", "--send-to", "pacs:104:PACS")
    assert f"{package} is not installed" in message
    assert "pip install medmonai[dicom-node]" in message


def test_what_is_wrong_is_one_line_that_says_what_to_do(tmp_path):
    pytest.importorskip("highdicom")
    pytest.importorskip("pynetdicom")
    to = ("--send-to", "pacs:104:PACS")
    assert "no model" in said(tmp_path, *to)
    assert "Missing option" in said(tmp_path)
    assert "HOST:PORT:AET" in said(tmp_path, "--send-to", "pacs")
    assert "give both" in said(tmp_path, *to, "--tls-certificate", __file__)
    assert "does not exist" in said(tmp_path, *to, "--tls-ca", tmp_path / "ca.pem")
    assert "checks nobody" in said(tmp_path, *to, "--tls-ca", __file__)
    secret = ("--authorization", "Bearer A")
    web = "http://pacs/dicom-web"
    assert "use https" in said(tmp_path, "--send-to", web, *secret)
    assert "no model" in said(tmp_path, "--send-to", "http://127.0.0.1/dicom-web", *secret)
    assert "no certificate" in said(
        tmp_path, *to, "--tls-certificate", __file__, "--tls-key", __file__
    )
    bundle = untrained_bundle(KINDS["a fit of volumes"], tmp_path / "bundle")
    assert "names no modality" in said(bundle, *to)
