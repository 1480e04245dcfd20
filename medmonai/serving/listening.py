"""`medmonai serve`: a model on a port of this machine."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from medmonai.deployment import ExportedModel, about_model, open_model

from .limits import Limits
from .service import service
from .uploads import own_folder

_LOCAL = ("localhost", "127.0.0.1", "::1")
_HEADER_SECONDS = 10.0  # for the first line and the headers of a request
_KEPT_OPEN_SECONDS = 5


def serve(
    model: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    token: str = "",
    limits: Limits | None = None,
) -> None:
    """Serve a model until the process is stopped.

    Args:
        model: the folder of a fit, of a run, or of a bundle with weights, or a file that `medmonai
            export` wrote; see `medmonai.deployment.open_model`.
        host: address to listen on.
        port: of the address; 0 for a free one.
        token: that requests have to give as "Authorization: Bearer TOKEN".
        limits: of requests.

    Raises:
        FileNotFoundError: no model there.
        OSError: the address is in use, or not of this machine.
        ValueError: an address that other machines reach, without a token.
    """
    if not _is_local(host) and not token:
        raise ValueError(
            f"--host {host} can be reached from other machines; give a --token (or "
            "MEDMONAI_TOKEN) of at least 16 characters, or keep 127.0.0.1."
        )
    if token and (len(token) < 16 or not token.isascii() or not token.isprintable()):
        raise ValueError("the token has to have at least 16 printable ASCII characters.")
    loaded = open_model(model)
    exported = isinstance(loaded, ExportedModel)
    about = loaded.about if exported else about_model(loaded, Path(model))
    listening = _listening(host, port)
    folder = own_folder()
    # what a form parser writes lies there, too
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    hosts = _LOCAL if _is_local(host) else ()
    app = service(
        loaded, folder=folder, about=about, limits=limits, token=token,
        hosts=hosts,
    )  # fmt: skip
    config = uvicorn.Config(
        app,
        http=Patient,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=_KEPT_OPEN_SECONDS,
        server_header=False,
        lifespan="on",
    )
    name = f"[{host}]" if ":" in host else host
    print(
        f"http://{name}:{listening.getsockname()[1]}  Research software: not for clinical use.",
        flush=True,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        tempfile.tempdir = before
        listening.close()
        shutil.rmtree(folder, ignore_errors=True)


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    try:
        place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(place[0], place[1])
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place[4])
    except OSError as error:
        raise OSError(f"{host}:{port}: {error.strerror or error}; name another --port.") from None
    return listening


class Patient(H11Protocol):
    """uvicorn's HTTP, but a client that sends no whole header is cut off."""

    _giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._giving_up = self.loop.call_later(_HEADER_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._giving_up is not None:
            self._giving_up.cancel()
        super().connection_lost(exc)
