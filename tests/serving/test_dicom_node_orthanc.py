"""The node between real programs: DCMTK sends, Orthanc stores, dsrdump and highdicom read."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
import requests

pytest.importorskip("pynetdicom")
highdicom = pytest.importorskip("highdicom")
from dicom_nodes import (  # noqa: E402
    DCMTK,
    MISSING,
    NO_ARCHIVE,
    a_node,
    archive,
    ct,
    free_port,
    left,
    orthanc,
    probability,
    real_ct,
    records,
    stored_in,
    storescu,
    until,
    volume_model,
)
from pydicom import dcmread  # noqa: E402
from pydicom.filebase import DicomBytesIO  # noqa: E402

pytestmark = pytest.mark.skipif(bool(MISSING), reason=NO_ARCHIVE)


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    with orthanc(tmp_path_factory.mktemp("pacs") / "orthanc") as found:
        yield found


def read(content, folder):
    path = folder / "report.dcm"
    path.write_bytes(content)
    return highdicom.sr.srread(path), path


def clear(address):
    for study in requests.get(f"{address}/studies", timeout=600).json():
        requests.delete(f"{address}/studies/{study}", timeout=600)


@pytest.mark.parametrize("way", ["C-STORE", "STOW-RS"])
def test_a_series_of_ct_comes_back_as_a_report_in_its_study(pacs, way, tmp_path, real_data):
    address, port = pacs
    clear(address)
    series = real_ct(real_data / "ct" / "abdomen_dicom_series", tmp_path / "series")
    first = dcmread(next(series.iterdir()), stop_before_pixels=True)
    to = f"127.0.0.1:{port}:ORTHANC" if way == "C-STORE" else f"{address}/dicom-web"
    node = a_node(volume_model(convolutions=True), tmp_path / "node", to)
    with node.running() as own:
        assert subprocess.run(
            [f"{DCMTK}/echoscu", "-aec", "MEDMONAI", "127.0.0.1", str(own)], check=False
        ).returncode == 0  # fmt: skip
        sent = storescu(own, series, options=["-xv"])  # JPEG 2000, as the files are
        assert sent.returncode == 0, sent.stderr
        until(lambda: records(tmp_path / "node"))
    (study,) = requests.get(f"{address}/studies", timeout=600).json()
    tags = requests.get(f"{address}/studies/{study}", timeout=600).json()["MainDicomTags"]
    assert tags["StudyInstanceUID"] == first.StudyInstanceUID
    (content,) = stored_in(address, "SR")
    report, path = read(content, tmp_path)
    check_report(report, path, series)
    captures = [dcmread(DicomBytesIO(one)) for one in stored_in(address, "OT")]
    assert len(captures) == 16 and not left(tmp_path / "node")
    for capture in captures:
        assert capture.pixel_array.shape[2] == 3 and capture.PatientName == "Müller^Jürgen"
        assert len(capture.SourceImageSequence) == 20
        assert "not for clinical use" in capture.SeriesDescription


def check_report(report, path, series):
    (group,) = report.content.get_image_measurement_groups()
    measured = {one.name.meaning: one.value for one in group.get_measurements()}
    assert measured["Probability of normal"] + measured["Probability of lesion"] == pytest.approx(1)
    (decision,) = group.get_qualitative_evaluations()
    assert decision.value.meaning in ("normal", "lesion")
    wanted = {dcmread(one, stop_before_pixels=True).SOPInstanceUID for one in series.iterdir()}
    assert {one.referenced_sop_instance_uid for one in group.source_images} == wanted
    said = subprocess.run(
        [f"{DCMTK}/dsrdump", "-Er", "+U8", "+Pl", path], capture_output=True, text=True, check=True
    ).stdout
    for words in (
        "Comprehensive SR Document",
        '"Probability of lesion"',
        '"Algorithm Name")="a model for tests"',
        '"Algorithm Version")=',
        "Research software: not for clinical use.",
        '"Decision")=',
        "Flags: ",
    ):
        assert words in said, said


@pytest.fixture
def in_memory():
    """A folder whose files need no disk, where the system has one."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("slices", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_series_of_many_slices(in_memory, slices):
    tmp_path = in_memory
    series = ct(tmp_path / "a", value=90, slices=slices, side=4)
    with archive() as to:
        node = a_node(volume_model(), tmp_path / "node", f"127.0.0.1:{to.port}:ARCHIVE")
        with node.running() as port:
            sent = storescu(port, series)
            assert sent.returncode == 0, sent.stderr
            (record,) = until(lambda: records(tmp_path / "node"))
    assert record["answered"] and len(record["instances"]) == slices
    (report,) = to.reports
    content = highdicom.sr.ComprehensiveSR.from_dataset(report).content
    (group,) = content.get_image_measurement_groups()
    assert len(group.source_images) == slices
    values = {one.name.meaning: one.value for one in group.get_measurements()}
    assert values["Probability of lesion"] == pytest.approx(
        probability(90, slices=slices, side=4), abs=2e-3
    )


def test_an_archive_of_dcmtk_takes_the_answer(tmp_path):
    port = free_port()
    (tmp_path / "db").mkdir()
    (tmp_path / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nARCHIVE {tmp_path / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    ct(tmp_path / "a")
    taking = subprocess.Popen([f"{DCMTK}/dcmqrscp", "-c", tmp_path / "dcmqrscp.cfg"])
    try:
        node = a_node(
            volume_model(convolutions=True), tmp_path / "node", f"127.0.0.1:{port}:ARCHIVE"
        )
        with node.running() as own:
            assert storescu(own, tmp_path / "a").returncode == 0
            until(lambda: records(tmp_path / "node"))
    finally:
        taking.terminate()
        taking.wait()
    kinds = [dcmread(path, stop_before_pixels=True).Modality for path in
             (tmp_path / "db").iterdir() if path.name != "index.dat"]  # fmt: skip
    assert sorted(kinds) == ["OT"] * 16 + ["SR"]


def test_dicomweb_failures_are_not_taken_for_success(pacs, tmp_path):
    from medmonai.serving.dicom_node import Declined, Security, Unreachable, destination

    address, _ = pacs
    files = sorted(ct(tmp_path / "a", slices=2).iterdir())
    wrong = destination(f"{address}/nothing", calling_aet="A", security=Security())
    with pytest.raises(Declined, match="HTTP 404"):
        wrong.send(files)
    nobody = destination(f"http://127.0.0.1:{free_port()}", calling_aet="A", security=Security())
    with pytest.raises(Unreachable, match="ConnectionError"):
        nobody.send(files)
    clear(address)
    there = destination(f"{address}/dicom-web/", calling_aet="A", security=Security())
    there.send(files)
    there.send(files)  # again: the same instances
    assert len(stored_in(address, "CT")) == 2
