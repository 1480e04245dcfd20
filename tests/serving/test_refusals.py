"""What a service refuses, and that nothing of it is left."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import zipfile

import pytest
from mean_models import mean_model

pytest.importorskip("fastapi")
requests = pytest.importorskip("requests")
from running_services import archive, picture, running  # noqa: E402

from medmonai.serving import Limits, listening, serve  # noqa: E402


def post(address, files, **more):
    sent = [("files", (name, content)) for name, content in files]
    return requests.post(f"{address}/predict", files=sent, timeout=600, **more)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service") / "received"
    limits = Limits(request_mb=0.5, unpacked_mb=1, images=20, files=30, seconds=20)
    with running(mean_model(), folder, limits=limits, hosts=("127.0.0.1",)) as address:
        yield address, folder


def linked():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        entry = zipfile.ZipInfo("a.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(entry, "/etc/passwd")
    return held.getvalue()


def damaged(method):
    """An archive whose packed bytes were changed, by a method of compression."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as file:
        file.writestr("a.png", bytes(range(256)) * 40)
    content = bytearray(held.getvalue())
    for place in range(45, 60):
        content[place] ^= 0xFF
    return bytes(content)


def locked():
    """An archive that says that it needs a password."""
    content = bytearray(archive({"a.png": picture(1)}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(mark) + place] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("notes.txt", b"hello", 415, "notes.txt"),
        ("a.csv", b"image\n/tmp/a.png\n", 415, "send the images"),
        ("A.XLSX", archive({"a": b"1"}), 415, "send the images"),
        ("a.zip", b"PK\x05\x06" + bytes(18), 415, "no image"),
        ("a.zip", archive({"a.png": bytes(2_000_000)}), 413, "more than 1 MB"),
        ("a.zip", archive({f"{i}.png": picture(1) for i in range(25)}), 413, "at most 20"),
        ("a.zip", archive({f"{i}.png": picture(1) for i in range(35)}), 413, "at most 30"),
        ("a.zip", linked(), 415, "no image"),
        ("a.zip", locked(), 415, "cannot be unpacked"),
        ("a.zip", damaged(zipfile.ZIP_DEFLATED), 415, "cannot be unpacked"),
        ("a.zip", damaged(zipfile.ZIP_BZIP2), 415, "cannot be unpacked"),
        ("a.zip", damaged(zipfile.ZIP_LZMA), 415, "cannot be unpacked"),
        ("a.zip", archive({"a.png": picture(1)})[:-30], 415, "a.zip"),
        ("a.png", bytes(600_000), 413, "larger than 0.5 MB"),
    ],
)
def test_files_that_are_refused(service, name, content, status, said):
    address, folder = service
    answer = post(address, [(name, content)])
    assert answer.status_code == status and said in answer.json()["detail"], answer.text
    assert str(folder) not in answer.text
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", ["../../../x.png", "/tmp/x.png", "..\\..\\x.png", "a/../../x.png"])
def test_names_do_not_leave_the_folder(service, name, tmp_path):
    address, folder = service
    before = set(folder.parent.iterdir())
    (case,) = post(address, [(name, picture(3))]).json()["cases"]
    assert case["id"] == "x.png"
    packed = post(address, [("a.zip", archive({name: picture(3), "y.png": picture(3)}))])
    ids = [case["id"] for case in packed.json()["cases"]]
    assert ids == ["a.zip/y.png"] if ".." in name else ["a.zip/tmp/x.png", "a.zip/y.png"]
    assert set(folder.parent.iterdir()) == before and not list(folder.iterdir())


def test_a_body_that_does_not_say_its_length_is_counted(service):
    address, _ = service
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=600) as client:
        head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        client.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
        part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        client.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        answered = b""
        try:
            for _ in range(100):
                client.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        except OSError:
            pass
        client.settimeout(600)
        try:
            answered = client.recv(200)
        except ConnectionError:
            return  # cut off while it was still sending
    assert b" 413 " in answered.splitlines()[0]


def test_pages_of_other_sites_and_other_names_are_refused(service):
    address, _ = service
    other = post(address, [("a.png", picture(1))], headers={"Origin": "https://evil.example"})
    assert other.status_code == 403
    named = requests.get(f"{address}/model", headers={"Host": "evil.example"}, timeout=600)
    assert named.status_code == 400 and "127.0.0.1" in named.json()["detail"]
    own = post(address, [("a.png", picture(1))], headers={"Origin": address})
    assert own.status_code == 200


@pytest.mark.parametrize("sent", ["[]", "{", '{"age": 3}', "[" * 100_000])
def test_covariates_that_the_model_does_not_take(service, sent):
    address, _ = service
    answer = post(address, [("a.png", picture(1))], data={"covariates": sent})
    assert answer.status_code == 422 and "covariates" in answer.json()["detail"]


def test_no_file_is_refused_in_words(service):
    assert requests.post(f"{service[0]}/predict", timeout=600).status_code == 422


def test_a_token(tmp_path):
    token = "a-token-of-some-length"
    with running(mean_model(), tmp_path / "received", token=token) as address:
        for given in (None, "Bearer wrong", f"Basic {token}"):
            headers = {} if given is None else {"Authorization": given}
            assert post(address, [("a.png", picture(1))], headers=headers).status_code == 401
        right = {"Authorization": f"Bearer {token}"}
        assert post(address, [("a.png", picture(1))], headers=right).status_code == 200
        assert requests.get(f"{address}/model", timeout=600).status_code == 401
        assert requests.get(f"{address}/health", timeout=600).status_code == 200


def test_slow_clients_are_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(listening, "_HEADER_SECONDS", 0.3)
    with running(mean_model(), tmp_path / "received", limits=Limits(seconds=0.5)) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=600) as client:
            client.sendall(b"POST /predict HTTP/1.1\r\nHost: 12")
            assert client.recv(100) == b""  # no whole header
        with socket.create_connection((host, int(port)), timeout=600) as client:
            client.sendall(
                b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
            )
            assert b" 408 " in client.recv(300).splitlines()[0]
        assert post(address, [("a.png", picture(1))]).status_code == 200


def test_more_than_it_serves_at_once_is_told_to_come_back(tmp_path):
    with running(mean_model(), tmp_path / "received", limits=Limits(requests=1)) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=600) as client:
            client.sendall(
                b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
            )
            for _ in range(200):  # until the first is being served
                answer = post(address, [("a.png", picture(1))])
                if answer.status_code == 503:
                    break
                time.sleep(0.01)
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"


def test_what_a_killed_service_received_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = (
        "import sys, time\n"
        "from medmonai.serving.uploads import own_folder\n"
        "(own_folder() / 'image.png').write_bytes(b'1')\n"
        "print('there', flush=True)\ntime.sleep(60)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE
    )
    assert child.stdout is not None and child.stdout.readline() == b"there\n"
    (left,) = tmp_path.iterdir()
    from medmonai.serving.uploads import own_folder

    mine = own_folder()
    assert left.exists()  # it is alive
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    own_folder()
    assert not left.exists() and mine.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_an_address_that_others_reach_needs_a_token(host):
    with pytest.raises(ValueError, match=r"can be reached from other machines.*--token"):
        serve("nowhere", host=host)
    with pytest.raises(ValueError, match="at least 16"):
        serve("nowhere", host=host, token="short")


@pytest.mark.parametrize("name", ["request_mb", "seconds", "requests"])
def test_limits_are_above_zero(name):
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


def test_refusals_are_json(service):
    answer = requests.get(f"{service[0]}/other", timeout=600)
    assert answer.status_code == 404 and json.loads(answer.text)["detail"]
