"""Nodes, archives and series for tests of the DICOM node."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import requests
from dicom_files import dataset, write_series
from mean_models import mean_model

from medmonai.networks import Ensemble, resnet10
from medmonai.serving.dicom_node import Listening, Node, Security, destination
from medmonai.serving.node_answers import Identity, Selection
from medmonai.serving.node_queue import Arrivals, NodeLimits

ABOUT = {
    "name": "a model for tests",
    "medmonai_version": "0",
    "weights_sha256": "ab" * 32,
    "training_data_sha256": "cd" * 32,
    "intended_use": "tests",
}
# Not those of pynetdicom, which have the same names in an environment.
DCMTK = "/usr/bin"
ORTHANC = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
MISSING = [path for path in (ORTHANC, PLUGIN, f"{DCMTK}/dsrdump") if not Path(path).is_file()]
NO_ARCHIVE = f"not installed: {', '.join(MISSING)} (apt-get install orthanc orthanc-dicomweb dcmtk)"


def volume_model(*, convolutions=False, **fields):
    """A model of volumes; by default its probability follows from the mean by hand."""
    size = (16, 16, 16) if convolutions else (8, 8, 8)
    model = mean_model(size=size, form={"intensity_range": (0.0, 255.0)}, **fields)
    if not convolutions:
        return model
    network = resnet10(spatial_dims=3, in_channels=1, num_classes=1, width=8)
    return replace(model, network=Ensemble(network, members=2).eval())


def ct(folder, *, value=100, slices=8, series="1.2.3.1", study="1.2.3", side=8, **tags):
    """Write a CT series whose voxels have one value, but for one."""
    voxels = np.full((side, side, slices), value)
    voxels[0, 0, 0] = 0
    tags = {"StudyInstanceUID": study, "SeriesInstanceUID": series, **tags}
    return write_series(folder, voxels, np.diag([1.0, 1.0, 2.0, 1.0]), **tags)


def real_ct(source, folder):
    """Copy a real series whose identifiers were emptied, and give it identifiers again."""
    from pydicom import dcmread

    folder.mkdir()
    for file in source.iterdir():
        found = dcmread(file)
        found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID
        found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID
        found.StudyInstanceUID, found.SeriesInstanceUID = "1.2.826.1", "1.2.826.1.1"
        found.PatientID, found.PatientName = "4711", "Müller^Jürgen"
        found.SpecificCharacterSet = "ISO_IR 100"
        found.save_as(folder / file.name, enforce_file_format=True)
    return folder


def probability(value, *, slices=8, side=8):
    """What the model of means says of such a series."""
    mean = (value * (side * side * slices - 1)) / (side * side * slices) / 255
    return 1 / (1 + np.exp(-(4 * mean - 2)))


def a_node(model, folder, *to, security=None, encrypted=False, quiet=600.0, **options):
    """A node that answers CT to some destinations."""
    secure = security or Security()
    return Node(
        model,
        identity=Identity.of(model, ABOUT),
        selection=Selection.of(model, modalities=["CT"]),
        listening=Listening("MEDMONAI", port=0, tls=secure.listening(), **options),
        destinations=[
            destination(one, calling_aet="MEDMONAI", encrypted=encrypted, security=secure)
            for one in to
        ],
        folder=folder,
        arrivals=Arrivals(quiet_seconds=quiet, release_seconds=0.2),
        limits=NodeLimits(instance_mb=4, series_instances=2500),
    )


def until(holds):
    """Wait until something holds; a test that waits in vain is ended by whoever runs it."""
    while not (found := holds()):
        time.sleep(0.05)
    return found


def records(folder):
    """What a node has noted: key -> record."""
    found = [json.loads(path.read_text()) for path in sorted((folder / "done").glob("*.json"))]
    return sorted(found, key=lambda one: (not one["answered"], one["reason"]))


def left(folder):
    """Files of patients that a node still has."""
    return [path for path in folder.rglob("*.dcm") if path.is_file()]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Archive:
    """What was stored: SOP instance -> data sets, one for each time."""

    def __init__(self, port):
        self.port, self.stored, self.status = port, {}, 0x0000
        self.lock = threading.Lock()

    def store(self, event):
        with self.lock:
            if self.status == 0x0000:
                found = event.dataset
                found.file_meta = event.file_meta
                self.stored.setdefault(str(found.SOPInstanceUID), []).append(found)
        return self.status

    @property
    def reports(self):
        with self.lock:
            return [one for (one, *_) in self.stored.values() if one.Modality == "SR"]

    @property
    def captures(self):
        with self.lock:
            return [one for (one, *_) in self.stored.values() if one.Modality != "SR"]


@contextmanager
def archive(port=0, tls=None):
    """An archive that takes everything."""
    from pynetdicom import AE, AllStoragePresentationContexts, evt

    entity = AE("ARCHIVE")
    entity.supported_contexts = AllStoragePresentationContexts
    found = Archive(port)
    server = entity.start_server(
        ("127.0.0.1", port),
        block=False,
        ssl_context=tls,
        evt_handlers=[(evt.EVT_C_STORE, found.store)],
    )
    found.port = server.server_address[1]
    try:
        yield found
    finally:
        server.shutdown()


@contextmanager
def association(port, *, calling="SENDER", called="MEDMONAI", tls=None):
    """An association with a node, for CT and documents."""
    from pynetdicom import AE
    from pynetdicom.sop_class import Verification

    entity = AE(calling)
    entity.add_requested_context("1.2.840.10008.5.1.4.1.1.2")  # CT
    entity.add_requested_context("1.2.840.10008.5.1.4.1.1.104.1")  # encapsulated PDF
    entity.add_requested_context(Verification)
    found = entity.associate("127.0.0.1", port, ae_title=called, tls_args=tls)
    try:
        yield found
    finally:
        if found.is_established:
            found.release()


def send(port, *folders, **options):
    """Send the files of folders in one association, in turn; return the statuses."""
    files = [sorted(folder.iterdir()) for folder in folders]
    with association(port, **options) as found:
        assert found.is_established
        from pydicom import dcmread

        return [
            found.send_c_store(dcmread(file)).get("Status")
            for together in zip(*files)
            for file in together
        ]


@contextmanager
def orthanc(folder):
    """A running Orthanc with its DICOMweb plugin; yields its HTTP address and its DICOM port."""
    folder.mkdir()
    http, dicom = free_port(), free_port()
    settings = {
        "Name": "archive",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "Plugins": [PLUGIN],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = (folder / "log.txt").open("wb")
    process = subprocess.Popen([ORTHANC, folder / "orthanc.json"], stdout=log, stderr=log)
    address = f"http://127.0.0.1:{http}"
    try:
        while not answers(address):
            assert process.poll() is None, (folder / "log.txt").read_text()
            time.sleep(0.05)
        yield address, dicom
    finally:
        process.terminate()
        process.wait()
        log.close()


def answers(address):
    try:
        return requests.get(f"{address}/system", timeout=600).ok
    except requests.ConnectionError:
        return False


def stored_in(address, modality):
    """The instances of a modality in Orthanc, each with its study, as files."""
    found = []
    for name in requests.get(f"{address}/series", timeout=600).json():
        series = requests.get(f"{address}/series/{name}", timeout=600).json()
        if series["MainDicomTags"].get("Modality") == modality:
            found += series["Instances"]
    return [requests.get(f"{address}/instances/{one}/file", timeout=600).content for one in found]


def storescu(port, *places, options=()):
    """DCMTK sends files and folders."""
    words = [f"{DCMTK}/storescu", *options, "-aec", "MEDMONAI", "+sd", "127.0.0.1"]
    return subprocess.run(
        [*words, str(port), *map(str, places)], capture_output=True, text=True, check=False
    )


def probabilities(report):
    """Meaning -> value of the measurements of a report."""
    import highdicom  # of an extra

    content = highdicom.sr.ComprehensiveSR.from_dataset(report).content
    (group,) = content.get_image_measurement_groups()
    return {one.name.meaning: one.value for one in group.get_measurements()}


def noted(folder, series):
    """What a node has noted of a series; waits for it."""
    key = hashlib.sha256(series.encode()).hexdigest()
    (path,) = until(lambda: [*(folder / "done").glob(f"{key}-*.json")])
    return json.loads(path.read_text())


def reports_on(to, series):
    """The reports on a series that an archive has."""
    return [
        one
        for one in to.reports
        if one.CurrentRequestedProcedureEvidenceSequence[0]
        .ReferencedSeriesSequence[0]
        .SeriesInstanceUID
        == series
    ]


def security(**options):
    from medmonai.serving.dicom_node import Security

    return Security(**options)


def dataset_of_results():
    """A small picture as a node sends it."""
    found = dataset(np.zeros((2, 2, 3), np.uint8))
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    found.StudyInstanceUID = "1.2.3"
    return found
