"""A DICOM node and what it is sent: answered, noted and removed, or cut off."""

from __future__ import annotations

import logging
import socket
import struct

import numpy as np
import pytest

pytest.importorskip("pynetdicom")
highdicom = pytest.importorskip("highdicom")
from dicom_files import SECRET, dataset, save  # noqa: E402
from dicom_nodes import (  # noqa: E402
    a_node,
    archive,
    association,
    ct,
    left,
    noted,
    probabilities,
    probability,
    records,
    reports_on,
    send,
    until,
    volume_model,
)
from pydicom import dcmread  # noqa: E402


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A node that answers the series of several tests: its port, its archive, its folder."""
    folder = tmp_path_factory.mktemp("standing") / "node"
    with archive() as to:
        node = a_node(volume_model(), folder, f"127.0.0.1:{to.port}:ARCHIVE")
        with node.running() as port:
            yield port, to, folder


def test_a_series_is_answered_by_a_report_and_nothing_of_it_stays(standing, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    port, to, folder = standing
    ct(tmp_path / "a", value=120, series="1.2.3.101")
    assert set(send(port, tmp_path / "a")) == {0x0000}
    assert noted(folder, "1.2.3.101")["answered"]
    (report,) = reports_on(to, "1.2.3.101")
    found = probabilities(report)["Probability of lesion"]
    assert found == pytest.approx(probability(120), abs=1e-6)
    assert report.StudyInstanceUID == "1.2.3" and report.PatientName == SECRET
    until(lambda: not left(folder))
    kept = "".join(p.read_text() for p in folder.rglob("*") if p.is_file())
    for private in (SECRET, "1.2.3.101"):
        assert private not in kept + caplog.text


def test_a_series_that_is_sent_again_is_not_answered_again(standing, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    port, to, folder = standing
    ct(tmp_path / "a", slices=6, series="1.2.3.102")
    send(port, tmp_path / "a")
    noted(folder, "1.2.3.102")
    send(port, tmp_path / "a")
    until(lambda: "answered before" in caplog.text)
    (report,) = reports_on(to, "1.2.3.102")
    assert len(to.stored[report.SOPInstanceUID]) == 1
    assert not left(folder)


def test_two_series_in_turn_in_one_association_get_an_answer_each(standing, tmp_path):
    port, to, folder = standing
    for name, value in (("a", 50), ("b", 200)):
        ct(tmp_path / name, value=value, series=f"1.2.3.103.{value}")
    send(port, tmp_path / "a", tmp_path / "b")
    for value in (50, 200):
        assert noted(folder, f"1.2.3.103.{value}")["answered"]
        (report,) = reports_on(to, f"1.2.3.103.{value}")
        found = probabilities(report)["Probability of lesion"]
        assert found == pytest.approx(probability(value), abs=1e-6)


def document():
    """An encapsulated PDF in the study of the series."""
    found = dataset(np.zeros((2, 2), np.uint16))
    for name in ("PixelData", "Rows", "Columns"):
        del found[name]
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    found.Modality, found.MIMETypeOfEncapsulatedDocument = "DOC", "application/pdf"
    found.EncapsulatedDocument, found.SeriesInstanceUID = b"%PDF-1.4 ", "1.2.3.104.2"
    found.StudyInstanceUID = "1.2.3"
    return found


def middle_of(series):
    """The file of the fourth slice."""
    return sorted(series.iterdir(), key=lambda p: dcmread(p).ImagePositionPatient[2])[3]


def test_what_the_model_is_not_for_is_noted_and_removed(standing, tmp_path):
    port, to, folder = standing
    ct(tmp_path / "mr", Modality="MR", series="1.2.3.104.1")
    (tmp_path / "pdf").mkdir()
    save(document(), tmp_path / "pdf" / "a.dcm")
    ct(tmp_path / "one", series="1.2.3.104.3", slices=1)
    middle_of(ct(tmp_path / "gap", series="1.2.3.104.4")).unlink()
    for name in ("mr", "pdf", "one", "gap"):
        assert set(send(port, tmp_path / name)) == {0x0000}
    reasons = [noted(folder, f"1.2.3.104.{number}")["reason"] for number in (1, 2, 3, 4)]
    assert reasons[:3] == [
        "modality MR; the model takes CT",
        "it holds no image: Encapsulated PDF Storage",
        "it holds 1 slice; the model takes volumes",
    ]
    assert "it cannot be read" in reasons[3] and "a slice is missing" in reasons[3]
    assert not any(reports_on(to, f"1.2.3.104.{number}") for number in (1, 2, 3, 4))
    until(lambda: not left(folder))


def test_a_series_that_could_not_be_read_is_answered_when_it_comes_whole(standing, tmp_path):
    port, to, folder = standing
    whole = ct(tmp_path / "a", slices=6, series="1.2.3.105")
    middle = middle_of(whole)
    held = middle.rename(tmp_path / "held.dcm")
    send(port, whole)
    assert "cannot be read" in noted(folder, "1.2.3.105")["reason"]
    held.rename(middle)
    send(port, whole)
    until(lambda: noted(folder, "1.2.3.105")["answered"])
    assert len(reports_on(to, "1.2.3.105")) == 1


def test_only_the_named_titles_may_send_and_everybody_named_gets_an_echo(tmp_path):
    with archive() as to:
        destined = f"127.0.0.1:{to.port}:ARCHIVE"
        node = a_node(volume_model(), tmp_path / "node", destined, allowed=("SENDER",))
        with node.running() as port:
            with association(port, calling="FOREIGN") as foreign:
                assert foreign.is_rejected
            with association(port, called="OTHER") as other:
                assert other.is_rejected
            with association(port) as known:
                assert known.send_c_echo().Status == 0x0000
    assert not left(tmp_path / "node") and not records(tmp_path / "node")


def test_an_association_that_is_aborted_says_nothing_about_completeness(tmp_path):
    ct(tmp_path / "a", slices=6)
    files = sorted((tmp_path / "a").iterdir())
    with archive() as to:
        node = a_node(volume_model(), tmp_path / "node", f"127.0.0.1:{to.port}:ARCHIVE", quiet=2.0)
        with node.running() as port:
            with association(port) as broken:
                for file in files[:4]:
                    broken.send_c_store(dcmread(file))
                broken.abort()
            send(port, tmp_path / "a")
            until(lambda: records(tmp_path / "node"))
            ct(tmp_path / "b", series="1.2.3.5")
            with association(port) as broken:
                for file in sorted((tmp_path / "b").iterdir()):
                    broken.send_c_store(dcmread(file))
                broken.abort()
            until(lambda: len(records(tmp_path / "node")) == 2)
    assert len(to.reports) == 2
    assert sorted(len(one.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
                      .ReferencedSOPSequence) for one in to.reports) == [6, 8]  # fmt: skip


def test_an_instance_that_is_too_large_ends_its_association(standing, tmp_path):
    port, _, folder = standing
    large = dataset(np.zeros((1600, 1600), np.uint16), StudyInstanceUID="1.2.3")  # 5 MB
    with association(port) as found:
        assert found.send_c_store(large).get("Status") is None
    send(port, ct(tmp_path / "a", series="1.2.3.106"))
    assert noted(folder, "1.2.3.106")["answered"]
    until(lambda: not left(folder))


@pytest.mark.parametrize(
    "sent",
    [
        b"\x01\x00" + struct.pack(">I", 0xFFFFFFFF) + b"x" * 100,  # a unit of 4 GB
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x04\x00" + struct.pack(">I", 10) + b"y" * 10,  # data before an association
        b"",
    ],
)
def test_what_is_no_dicom_is_cut_off_and_others_are_served(standing, sent):
    port, _, _ = standing
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(sent)
        with association(port) as known:
            assert known.send_c_echo().Status == 0x0000
        if sent:
            stranger.settimeout(None)
            assert stranger.recv(1000)[:1] in (b"", b"\x07", b"\x03")
