"""A node that is killed between any two steps: every series is answered, none twice."""

from __future__ import annotations

import re
import signal

import pytest

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")
from dicom_files import SECRET
from dicom_nodes import archive, association, ct, left, records, until
from forks import Process
from pydicom import dcmread
from untrained_bundles import KINDS, untrained_bundle

from medmonai.deployment import about_model, load_model
from medmonai.serving.node_answers import Identity, read_instance


def port_of(process):
    """The port of a node that listens; None if the node is gone before."""

    def said():
        found = re.search(r"MEDMONAI@127\.0\.0\.1:(\d+)", process.log.read_text())
        return (int(found[1]),) if found else None if process.process.is_alive() else (None,)

    until(process.log.is_file)
    return until(said)[0]


def send_what_is_taken(port, folder):
    """Send a series as a scanner does, which keeps what was not taken."""
    with association(port) as found:
        for file in sorted(folder.iterdir()):
            if not found.is_established or found.send_c_store(dcmread(file)).get("Status") is None:
                return


def test_every_step_may_be_the_last_one(tmp_path):
    bundle = untrained_bundle(KINDS["a fit of volumes"], tmp_path / "bundle")
    model = load_model(bundle)
    series = ct(tmp_path / "a", value=300, slices=6)
    instances = [read_instance(file) for file in sorted(series.iterdir())]
    key = instances[0].series_key
    answer = f"{key}-{Identity.of(model, about_model(model, bundle)).version}"
    folder = tmp_path / "node"
    moments = [
        (f"{instances[3].name}.dcm", 1),  # an instance is stored
        (key, 1),  # the series is complete
        (key, 2),  # its answering begins
        (answer, 1),  # the answer goes into the outbox
        (f"working-{key}", 1),  # the series is removed
        (f"{answer}.json", 1),  # the answer was delivered, and that is noted
        (f"outbox-{answer}", 1),  # the answer is removed
    ]
    with archive() as to:
        words = [
            *("dicom-node", str(bundle), "--send-to", f"127.0.0.1:{to.port}:ARCHIVE"),
            *("--port", "0", "--folder", str(folder), "--modality", "CT"),
            *("--release-seconds", "0.2", "--quiet-seconds", "1"),
        ]
        for number, moment in enumerate(moments):
            process = Process(words, tmp_path, moment, log=tmp_path / f"log{number}.txt")
            port = port_of(process)
            if port and number < 2:  # not everything was taken before
                send_what_is_taken(port, series)
            code, said = process.end()
            assert code == -9, (moment, said)
            assert len(to.reports) <= 1
        last = Process(words, tmp_path, log=tmp_path / "last.txt")
        port = port_of(last)
        assert not left(folder)
        send_what_is_taken(port, series)
        until(lambda: "answered before" in last.log.read_text())
        code, said = last.stop(signal.SIGTERM)
        assert code == 0, said
    (record,) = records(folder)
    assert record["answered"] and len(record["instances"]) == 6
    assert len(to.reports) == 1 and not left(folder)
    logs = "".join(path.read_text() for path in tmp_path.glob("*.txt"))
    assert "1.2.3.1" not in logs and SECRET not in logs, "the log names a patient or a series"
    for times in to.stored.values():  # perhaps sent again, but always the same
        assert all(one == times[0] for one in times)
