"""Encrypted connections of a DICOM node, what it shows to whom, and where it listens."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("pynetdicom")
highdicom = pytest.importorskip("highdicom")
from dicom_files import save  # noqa: E402
from dicom_nodes import (  # noqa: E402
    a_node,
    archive,
    association,
    ct,
    dataset_of_results,
    records,
    security,
    send,
    until,
    volume_model,
)

from medmonai.serving.dicom_node import (  # noqa: E402
    Listening,
    destination,
)


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
