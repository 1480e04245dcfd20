"""A DICOM node whose archives go away, refuse, or are named wrongly."""

from __future__ import annotations

import logging
import resource
import threading

import pytest

pytest.importorskip("pynetdicom")
highdicom = pytest.importorskip("highdicom")
from dicom_files import save  # noqa: E402
from dicom_nodes import (  # noqa: E402
    a_node,
    archive,
    ct,
    dataset_of_results,
    free_port,
    left,
    records,
    security,
    send,
    until,
    volume_model,
)

from medmonai.serving.dicom_node import (  # noqa: E402
    Backoff,
    Sender,
    Unreachable,
    destination,
)
from medmonai.serving.node_answers import read_instance  # noqa: E402
from medmonai.serving.node_queue import DiskQueue  # noqa: E402


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
