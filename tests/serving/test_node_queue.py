"""The queue of a node, and when a series is complete."""

from __future__ import annotations

import json
import resource
from contextlib import contextmanager

import pytest

from medmonai.serving.node_queue import (
    DiskQueue,
    NodeLimits,
    QueueFull,
    SeriesTooLarge,
)


class Result:
    """What a queue writes: something that saves itself."""

    def __init__(self, content):
        self.content = content

    def save_as(self, path, *, enforce_file_format):
        path.write_bytes(self.content)


def a_queue(folder, version="v1", **limits):
    return DiskQueue(folder / "node", version=version, limits=NodeLimits(**limits))


def put(queue, series, *names, size=10):
    for name in names:
        file = queue.receiving / f"{name}.tmp"
        file.write_bytes(b"x" * size)
        queue.store(file, series, name)
        file.unlink()


def finish(queue, keys=("a",)):
    (answer,) = queue.outbox.answers()
    for key in keys:
        queue.outbox.delivered(answer, key)
        queue.outbox.finish(answer, keys)


def record(queue):
    (path,) = (queue.folder / "done").glob("*.json")
    return json.loads(path.read_text())


def files(queue):
    return sorted(path.name for path in queue.folder.rglob("*.dcm"))


def test_a_series_goes_through_and_leaves_a_record(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "s", "1", "2")
    assert queue.next_waiting() is None and queue.incoming() == ["s"]
    assert queue.complete("s") == ""
    series, folder = queue.next_waiting()
    assert series == "s" and sorted(p.name for p in folder.glob("*.dcm")) == ["1.dcm", "2.dcm"]
    queue.answer("s", [Result(b"one"), Result(b"two")])
    (answer,) = queue.outbox.answers()
    assert [p.read_bytes() for p in sorted(answer.glob("*.dcm"))] == [b"one", b"two"]
    queue.outbox.delivered(answer, "a")
    queue.outbox.finish(answer, ["a", "b"])
    assert queue.outbox.answers() == [answer], "one destination has nothing yet"
    finish(queue, ["a", "b"])
    assert files(queue) == [] and queue.outbox.answers() == []
    noted = record(queue)
    assert noted["answered"] and noted["instances"] == ["1", "2"] and noted["model"] == "v1"


def test_what_comes_after_the_answer_is_not_answered_again(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "s", "1", "2")
    queue.complete("s")
    queue.next_waiting()
    put(queue, "s", "2")
    assert queue.complete("s") == ""  # while it is being answered
    queue.answer("s", [Result(b"one")])
    assert queue.next_waiting() is None and files(queue) == ["00000.dcm"]
    put(queue, "s", "2", "3")
    assert queue.complete("s").endswith("1 of these instances came too late for the answer")
    finish(queue)
    put(queue, "s", "1")
    assert queue.complete("s") == "it was answered before" and files(queue) == []


def test_another_model_answers_again(tmp_path):
    for version in ("v1", "v2"):
        queue = a_queue(tmp_path, version)
        put(queue, "s", "1")
        assert queue.complete("s") == ""
        queue.next_waiting()
        queue.answer("s", [Result(b"one")])
        finish(queue)
    assert len(list((queue.folder / "done").iterdir())) == 2


def test_instances_that_come_before_the_answering_begins_join_the_series(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "s", "1")
    queue.complete("s")
    put(queue, "s", "2")
    assert queue.complete("s") == ""
    _, folder = queue.next_waiting()
    assert len(list(folder.glob("*.dcm"))) == 2 and queue.next_waiting() is None


def test_a_series_that_is_not_answered_may_be_sent_again(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "s", "1")
    queue.complete("s")
    queue.next_waiting()
    queue.note("s", "it is a horse")
    assert record(queue)["reason"] == "it is a horse" and files(queue) == []
    put(queue, "s", "1", "2")
    assert queue.complete("s") == "" and queue.next_waiting() is not None


@pytest.mark.parametrize("complete", [True, False])
def test_what_comes_while_a_part_cannot_be_answered_joins_it(tmp_path, complete):
    queue = a_queue(tmp_path)
    put(queue, "s", "1")
    queue.complete("s")
    queue.next_waiting()
    put(queue, "s", "2")
    if complete:
        queue.complete("s")
    assert not queue.note("s", "one slice is no volume")
    if not complete:
        assert queue.next_waiting() is None and queue.complete("s") == ""
    _, folder = queue.next_waiting()
    assert sorted(p.name for p in folder.glob("*.dcm")) == ["1.dcm", "2.dcm"]


def test_the_rest_of_a_series_is_not_taken_for_all_of_it(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "s", "1", "2")
    queue.complete("s")
    queue.next_waiting()
    queue.note("s", "a slice is missing")
    put(queue, "s", "3", "4")
    assert queue.complete("s") == "2 instances of it came before; send the whole series"
    assert record(queue)["instances"] == ["1", "2", "3", "4"] and files(queue) == []
    put(queue, "s", "1", "2", "3", "4")
    assert queue.complete("s") == "" and queue.next_waiting() is not None


def test_a_series_whose_answering_fails_is_put_aside_in_the_end(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "bad", "1")
    queue.complete("bad")
    for _ in range(3):  # the disk was full
        queue.next_waiting()
        queue.put_back("bad", counted=False)
    for _ in range(5):
        assert queue.next_waiting() is not None
        queue.put_back("bad", counted=True)
    put(queue, "good", "1")
    queue.complete("good")
    series, _ = queue.next_waiting()
    assert series == "good"
    failed = queue.folder / "failed" / "bad"
    assert (failed / "1.dcm").is_file(), "it is kept for a person"
    failed.rename(queue.folder / "waiting" / "bad")
    assert queue.next_waiting() is not None


@contextmanager
def no_room():
    """Let every write fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_no_series_and_is_not_its_fault(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "s", "1")
    queue.complete("s")
    for _ in range(6):
        with no_room(), pytest.raises(OSError):
            queue.next_waiting()
        queue.resume()
        assert queue.next_waiting()[0] == "s"
        with no_room(), pytest.raises(OSError):
            queue.note("s", "it is a horse")
        queue.resume()
    assert queue.next_waiting()[0] == "s" and files(queue) == ["1.dcm"]


def test_an_instance_that_could_not_be_stored_keeps_nothing_waiting(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "s", "1")
    queue.complete("s")
    queue.next_waiting()
    (queue.receiving / "a folder").mkdir()
    with pytest.raises(IsADirectoryError):
        queue.store(queue.receiving / "a folder", "s", "2")
    assert queue.note("s", "one slice is no volume")


def test_an_instance_that_comes_while_its_series_is_completed_goes_along(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "s", "1", "2")
    assert queue.complete("s") == "" and queue.complete("s") == ""
    _, folder = queue.next_waiting()
    assert len(list(folder.glob("*.dcm"))) == 2
    queue.answer("s", [Result(b"one")])
    assert queue.complete("s") == ""


def test_what_ends_the_process_each_time_is_put_aside_too(tmp_path):
    queue = a_queue(tmp_path)
    put(queue, "bad", "1")
    queue.complete("bad")
    for _ in range(5):
        assert queue.next_waiting() is not None
        queue = a_queue(tmp_path)  # killed, and started again
    assert queue.next_waiting() is None
    assert (queue.folder / "failed" / "bad" / "1.dcm").is_file()


def test_a_series_beyond_the_limits_is_refused_and_noted(tmp_path):
    queue = a_queue(tmp_path, series_instances=2)
    put(queue, "s", "1", "2", "2")
    with pytest.raises(SeriesTooLarge, match="more than 2 instances"):
        put(queue, "s", "3")
    assert "more than 2 instances" in queue.complete("s")
    assert files(queue) == [] and not record(queue)["answered"]
    queue = a_queue(tmp_path, series_gb=15e-9)
    put(queue, "t", "1")
    with pytest.raises(SeriesTooLarge):
        put(queue, "t", "2")


def test_a_full_queue_takes_nothing_until_something_left(tmp_path):
    queue = a_queue(tmp_path, queue_gb=250e-9)
    put(queue, "s", "1", size=200)
    with pytest.raises(QueueFull, match="wait"):
        put(queue, "t", "1", size=200)
    again = a_queue(tmp_path, queue_gb=250e-9)
    with pytest.raises(QueueFull):
        put(again, "t", "1", size=200)
    again.complete("s")
    again.next_waiting()
    again.note("s", "x")
    again = a_queue(tmp_path, queue_gb=450e-9)
    put(again, "t", "1", size=200)


def test_limits_are_numbers_above_0():
    with pytest.raises(ValueError, match="queue_gb=0; a number above 0"):
        NodeLimits(queue_gb=0)
