"""A DICOM node among senders and archives that go away, send too much, or send the wrong thing."""

from __future__ import annotations

import hashlib
import json
import logging
import resource
import socket
import ssl
import struct
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
    free_port,
    left,
    probability,
    records,
    send,
    until,
    volume_model,
)
from pydicom import dcmread  # noqa: E402

from medmonai.serving.dicom_node import (  # noqa: E402
    Backoff,
    Listening,
    Sender,
    Unreachable,
    destination,
)
from medmonai.serving.node_answers import read_instance  # noqa: E402
from medmonai.serving.node_queue import DiskQueue  # noqa: E402


def probabilities(report):
    """Meaning -> value of the measurements of a report."""
    content = highdicom.sr.ComprehensiveSR.from_dataset(report).content
    (group,) = content.get_image_measurement_groups()
    return {one.name.meaning: one.value for one in group.get_measurements()}


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A node that answers the series of several tests: its port, its archive, its folder."""
    folder = tmp_path_factory.mktemp("standing") / "node"
    with archive() as to:
        node = a_node(volume_model(), folder, f"127.0.0.1:{to.port}:ARCHIVE")
        with node.running() as port:
            yield port, to, folder


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


def test_an_archive_that_is_down_gets_the_answer_later(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    ct(tmp_path / "a")
    down = free_port()
    with archive() as to:
        destinations = (f"127.0.0.1:{down}:ARCHIVE", f"127.0.0.1:{to.port}:ARCHIVE")
        node = a_node(volume_model(), tmp_path / "node", *destinations)
        with node.running() as port:
            send(port, tmp_path / "a")
            until(lambda: to.reports and "does not answer; next attempt" in caplog.text)
        assert not records(tmp_path / "node")
        (waiting,) = (tmp_path / "node" / "outbox").iterdir()
        first = next(waiting.glob("*.dcm")).read_bytes()
        with archive(down) as late:
            again = a_node(volume_model(), tmp_path / "node", *destinations)
            with again.running():
                until(lambda: records(tmp_path / "node"))
    assert not left(tmp_path / "node")
    (early,), (late_one,) = to.reports, late.reports
    assert early == late_one and early.SOPInstanceUID.encode() in first
    assert [len(times) for times in to.stored.values()] == [1], "the first one got it twice"


def test_a_full_disk_ends_no_thread(tmp_path, caplog):
    class Rounds(threading.Event):
        """Makes room while the thread pauses after its error, and ends it a round later."""

        waits = 0

        def wait(self, timeout=None):
            self.waits += 1
            if self.waits == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            return self.waits > 3

    node = a_node(volume_model(), tmp_path / "node")
    queue = DiskQueue(node.folder, version=node.identity.version, limits=node.limits)
    for file in sorted(ct(tmp_path / "a").iterdir()):
        instance = read_instance(file)
        queue.store(file, instance.series_key, instance.name)
    queue.complete(instance.series_key)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        node._answer_series(queue, Rounds())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(queue.outbox.answers()) == 1 and "trying again" in caplog.text


def test_a_destination_that_is_named_twice_gets_an_answer_once(tmp_path):
    ct(tmp_path / "a")
    with archive() as to:
        address = f"127.0.0.1:{to.port}:ARCHIVE"
        with a_node(volume_model(), tmp_path / "node", address, address).running() as port:
            send(port, tmp_path / "a")
            until(lambda: records(tmp_path / "node"))
        assert [len(times) for times in to.stored.values()] == [1]


class Outbox:
    """Answers, each with one instance."""

    def __init__(self, *folders):
        self.folders = folders
        self.done = []
        for folder in folders:
            folder.mkdir()
            save(dataset_of_results(), folder / "0.dcm")

    def answers(self):
        return self.folders

    def is_delivered(self, answer, key):
        return (answer, key) in self.done

    def delivered(self, answer, key):
        self.done.append((answer, key))

    def finish(self, answer, keys):
        pass


def test_an_answer_that_is_refused_waits_and_the_others_go_on(tmp_path):
    outbox = Outbox(tmp_path / "a", tmp_path / "b")
    with archive() as to:
        there = destination(
            f"127.0.0.1:{to.port}:ARCHIVE", calling_aet="MEDMONAI", security=security()
        )
        sender = Sender(outbox, there, [], backoff=Backoff(first=5.0))
        to.status = 0xA700
        sender.send_due(0.0)
        assert outbox.done == []
        to.status = 0x0000
        sender.send_due(4.0)
        assert outbox.done == []
        sender.send_due(5.0)
        assert [answer.name for answer, _ in outbox.done] == ["a", "b"]


def test_a_destination_that_does_not_answer_is_left_alone_longer_each_time(tmp_path):
    class Down:
        name = "down"
        tried = 0

        def send(self, files):
            self.tried += 1
            raise Unreachable("it does not answer")

    down = Down()
    sender = Sender(Outbox(tmp_path / "a", tmp_path / "b"), down, [], backoff=Backoff(first=5.0))
    counts = []
    for now in (0.0, 4.9, 5.0, 14.9, 15.0):
        sender.send_due(now)
        counts.append(down.tried)
    assert counts == [1, 1, 2, 2, 3]


def test_an_answer_that_cannot_be_sent_stands_in_no_others_way(tmp_path):
    class Odd:
        name = "odd"
        tried = ()

        def send(self, files):
            self.tried += (files[0].parent.name,)
            if files[0].parent.name == "a":
                raise KeyError("no such answer was expected")

    odd = Odd()
    outbox = Outbox(tmp_path / "a", tmp_path / "b")
    sender = Sender(outbox, odd, [], backoff=Backoff(first=5.0))
    for now in (0.0, 4.9, 5.0):
        sender.send_due(now)
    assert odd.tried == ("a", "b", "a") and [one.name for one, _ in outbox.done] == ["b"]


def dataset_of_results():
    found = dataset(np.zeros((2, 2, 3), np.uint8))
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    found.StudyInstanceUID = "1.2.3"
    return found


def security(**options):
    from medmonai.serving.dicom_node import Security

    return Security(**options)


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


def certificate(folder):
    """A certificate for this machine that vouches for itself."""
    import subprocess

    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subprocess.run(
        ["openssl", *words.split(), "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


def test_both_directions_are_encrypted_and_strangers_are_refused(tmp_path):
    cert, key = certificate(tmp_path)
    ct(tmp_path / "a")
    own = security(certificate=cert, key=key, authority=cert)
    theirs = own.sending()
    with archive(tls=own.listening()) as to:
        node = a_node(
            volume_model(), tmp_path / "node", f"127.0.0.1:{to.port}:ARCHIVE",
            security=own, encrypted=True,
        )  # fmt: skip
        with node.running() as port, socket.create_connection(("127.0.0.1", port)):
            with association(port) as plain:  # the silent one above keeps nobody waiting
                assert not plain.is_established
            unknown = ssl.create_default_context(cafile=str(cert))  # shows no certificate
            with association(port, tls=(unknown, "127.0.0.1")) as stranger:
                assert not stranger.is_established
            assert set(send(port, tmp_path / "a", tls=(theirs, "127.0.0.1"))) == {0x0000}
            until(lambda: records(tmp_path / "node"))
    assert len(to.reports) == 1


def test_a_destination_whose_certificate_nobody_vouches_for_gets_nothing(tmp_path):
    cert, key = certificate(tmp_path)
    own = security(certificate=cert, key=key)
    with archive(tls=own.listening()) as to:
        there = destination(
            f"127.0.0.1:{to.port}:ARCHIVE", calling_aet="M", encrypted=True, security=security()
        )
        with pytest.raises(ConnectionError, match="does not answer"):
            there.send([])


@contextmanager
def web_service(tls=None):
    """A service that declines what is posted; yields its port and what it was shown."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            server.shown.append(self.headers["Authorization"])
            self.send_error(409)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.shown = []
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield server.server_port, server.shown
    finally:
        server.shutdown()
        server.server_close()


def posted_to(address, folder, **options):
    folder.mkdir()
    save(dataset_of_results(), folder / "0.dcm")
    there = destination(address, calling_aet="M", security=security(**options))
    there.send([folder / "0.dcm"])


def test_the_environment_does_not_say_whose_certificate_is_trusted(tmp_path, monkeypatch):
    for name in ("theirs", "named"):
        (tmp_path / name).mkdir()
    cert, key = certificate(tmp_path / "theirs")
    named, _ = certificate(tmp_path / "named")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    with web_service(security(certificate=cert, key=key).listening()) as (port, shown):
        with pytest.raises(ConnectionError, match="SSLError"):
            posted_to(f"https://127.0.0.1:{port}", tmp_path / "a", authority=named)
        assert not shown
        with pytest.raises(ValueError, match="HTTP 409"):
            posted_to(f"https://127.0.0.1:{port}", tmp_path / "b", authority=cert)


def test_the_header_that_was_given_is_shown_and_no_password_of_the_user(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with web_service() as (port, shown):
        with pytest.raises(ValueError, match="HTTP 409"):
            posted_to(f"http://127.0.0.1:{port}", tmp_path / "a", authorization="Bearer token")
    assert shown == ["Bearer token"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"aet": ""}, "not an AE title"),
        ({"aet": "A" * 17}, "not an AE title"),
        ({"aet": "A", "allowed": ("Ä",)}, "not an AE title"),
        ({"aet": "A", "host": "0.0.0.0"}, "--allow-aet"),
    ],
)
def test_where_it_cannot_listen(options, said):
    with pytest.raises(ValueError, match=said):
        Listening(**options)


@pytest.mark.parametrize("given", ["pacs", "pacs:104", ":104:A", "pacs:0:A", "pacs:x:A", "a:1:"])
def test_destinations_that_are_none(given):
    with pytest.raises(ValueError, match="HOST:PORT:AET"):
        destination(given, calling_aet="A", security=security())


def test_an_address_without_a_host_is_no_destination():
    with pytest.raises(ValueError, match="a host is needed"):
        destination("http://", calling_aet="A", security=security())


def test_a_host_that_nobody_knows_does_not_answer():
    nowhere = destination("no.such.host.invalid:104:A", calling_aet="A", security=security())
    with pytest.raises(ConnectionError, match="does not answer"):
        nowhere.send([])


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "node").write_text("")
    node = a_node(volume_model(), tmp_path / "node")
    with pytest.raises(NotADirectoryError, match="choose another --folder"), node.running():
        time.sleep(0)


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        from dataclasses import replace

        node = a_node(volume_model(), tmp_path / "node")
        node = replace(node, listening=Listening("A", port=taken.getsockname()[1]))
        with pytest.raises(OSError, match="name another --port"), node.running():
            time.sleep(0)
