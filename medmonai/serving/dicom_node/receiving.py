"""The provider of C-STORE and C-ECHO: instances onto the disk, whoever is not allowed refused."""

from __future__ import annotations

import itertools
import logging
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from medmonai.data.containers import UnreadableImageError
from medmonai.serving.node_answers import read_instance
from medmonai.serving.node_queue import Arrivals, DiskQueue, NodeLimits, SeriesTooLarge

if TYPE_CHECKING:
    from pynetdicom import AE

_SUCCESS = 0x0000
_OUT_OF_RESOURCES = 0xA700
_CANNOT_UNDERSTAND = 0xC000
# Bytes of a message other than an instance, and of one unit of the protocol.
_MOST_MESSAGE = 1 << 20
_MOST_UNIT = 1 << 24

logger = logging.getLogger("medmonai.dicom_node")


@dataclass(frozen=True)
class Listening:
    """Where a node listens, and to whom.

    Args:
        aet: its AE title; an association for another one is rejected.
        host: address to listen on.
        port: of the address; 0 for a free one.
        allowed: AE titles that may send; () for any.
        tls: for encrypted connections; None for plain ones.

    Raises:
        ValueError: an invalid AE title, or an address that other machines can reach without
            `allowed`.
    """

    aet: str
    _: KW_ONLY
    host: str = "127.0.0.1"
    port: int = 11112
    allowed: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        for title in (self.aet, *self.allowed):
            plain = title.strip() and title.isascii() and title.isprintable() and "\\" not in title
            if not plain or len(title) > 16:
                raise ValueError(
                    f"{title!r} is not an AE title; 1 to 16 ASCII characters are needed, such as "
                    "MEDMONAI."
                )
        if self.host not in ("127.0.0.1", "localhost", "::1") and not self.allowed:
            raise ValueError(
                f"--host {self.host} can be reached from other machines; name the AE titles that "
                "may send with --allow-aet, or keep 127.0.0.1."
            )


@contextmanager
def receiving(
    queue: DiskQueue, arrivals: Arrivals, *, listening: Listening, limits: NodeLimits
) -> Iterator[int]:
    """Receive instances into a queue while the block runs; yields the port.

    Args:
        queue: takes the instances.
        arrivals: notes what came, and which associations ended.
        listening: address and AE titles.
        limits: of what is received.

    Raises:
        OSError: the address is in use, or not of this machine.
    """
    from pynetdicom import _config, evt

    # Instances go to the disk while they come; they may be larger than the memory.
    before, tempfile.tempdir = tempfile.tempdir, str(queue.receiving)
    chunked, _config.STORE_RECV_CHUNKED_DATASET = _config.STORE_RECV_CHUNKED_DATASET, True
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # it logs what peers send
    handlers = _Handlers(queue, arrivals, limits)
    try:
        server = _started(
            listening,
            limits,
            [
                (evt.EVT_CONN_OPEN, handlers.opened),
                (evt.EVT_DIMSE_RECV, handlers.message),
                (evt.EVT_C_STORE, handlers.store),
                (evt.EVT_REJECTED, handlers.rejected),
                (evt.EVT_RELEASED, handlers.released),
                (evt.EVT_CONN_CLOSE, handlers.closed),
            ],
        )
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
    finally:
        tempfile.tempdir = before
        _config.STORE_RECV_CHUNKED_DATASET = chunked


def _started(listening: Listening, limits: NodeLimits, handlers: list[Any]) -> Any:
    try:
        return _entity(listening, limits).start_server(
            (listening.host, listening.port),
            block=False,
            ssl_context=listening.tls,
            evt_handlers=handlers,
        )
    except OSError as error:
        place = f"{listening.host}:{listening.port}"
        raise OSError(f"{place}: {error.strerror or error}; name another --port.") from None


def _entity(listening: Listening, limits: NodeLimits) -> AE:
    from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts

    entity = AE(listening.aet)
    entity.require_called_aet = True
    entity.require_calling_aet = list(listening.allowed)
    entity.maximum_associations = limits.associations
    entity.maximum_pdu_size = 1 << 17
    entity.network_timeout = entity.dimse_timeout = limits.silent_seconds
    entity.acse_timeout = min(limits.silent_seconds, 30.0)
    # Deflated data could unpack to any size, and JPIP sends an address instead of pixels.
    taken = [one for one in ALL_TRANSFER_SYNTAXES if not _is_deflated_or_remote(one)]
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), taken)
    entity.add_supported_context("1.2.840.10008.1.1")  # Verification, for C-ECHO
    return entity


def _is_deflated_or_remote(syntax: Any) -> bool:
    return any(word in getattr(syntax, "name", "") for word in ("Deflate", "JPIP"))


class _Handlers:
    def __init__(self, queue: DiskQueue, arrivals: Arrivals, limits: NodeLimits) -> None:
        self._queue = queue
        self._arrivals = arrivals
        self._limits = limits
        self._numbers = itertools.count()  # ids of objects come again

    def opened(self, event: Any) -> None:
        """Bound what a connection may send before a message of it is whole."""
        event.assoc.medmonai_number = next(self._numbers)
        connection = event.assoc.dul.socket
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket.settimeout(self._limits.silent_seconds)  # within a message, too
        connection.recv = _Bounded(connection, event.assoc, self._limits)

    def message(self, event: Any) -> None:
        connection = event.assoc.dul.socket
        if connection is not None and isinstance(connection.recv, _Bounded):
            connection.recv.bytes = 0

    def store(self, event: Any) -> int:
        """Take an instance; the status of the answer says what became of it."""
        try:
            instance = read_instance(event.dataset_path)
        except UnreadableImageError as error:
            logger.warning("an instance was refused: %s", _reason(error))
            return _CANNOT_UNDERSTAND
        try:
            self._queue.store(instance.path, instance.series_key, instance.name)
        except SeriesTooLarge as error:
            logger.warning("series %s: %s", instance.series_key[:12], error)
            return _CANNOT_UNDERSTAND
        except OSError as error:  # no room, perhaps for a while
            logger.error("an instance was refused: %s", error)
            return _OUT_OF_RESOURCES
        self._arrivals.stored(
            instance.series_key,
            association=event.assoc.medmonai_number,
            now=time.monotonic(),
        )
        return _SUCCESS

    def rejected(self, event: Any) -> None:
        said = event.assoc.requestor.ae_title
        logger.warning(
            "an association of AE title %r was rejected: it is not allowed, called another title, "
            "or came while too many were open",
            str(said)[:16],
        )

    def released(self, event: Any) -> None:
        self._arrivals.ended(event.assoc.medmonai_number, released=True, now=time.monotonic())

    def closed(self, event: Any) -> None:
        """The connection is over, however it ended."""
        self._arrivals.ended(event.assoc.medmonai_number, released=False, now=time.monotonic())
        unfinished = event.assoc.dimse.message
        path = getattr(unfinished, "_data_set_path", None)
        if path is not None:
            unfinished._data_set_file.close()
            path.unlink(missing_ok=True)


class _Bounded:
    """Reads a connection, and ends it where a message becomes larger than allowed."""

    def __init__(self, connection: Any, association: Any, limits: NodeLimits) -> None:
        self._socket = connection.socket
        self._recv = connection.recv
        self._association = association
        self._limits = limits
        self.bytes = 0

    def __call__(self, count: int) -> Any:
        message = self._association.dimse.message
        on_disk = getattr(message, "_data_set_path", None) is not None
        most = self._limits.instance_bytes if on_disk else _MOST_MESSAGE
        if count > _MOST_UNIT or self.bytes + count > most + _MOST_MESSAGE:
            logger.warning("an association was ended: it sent more than %d bytes at once", most)
            raise OSError("too much at once")
        self.bytes += count
        # Senders that gather small packets wait for the acknowledgment of the command before they
        # send the image: 40 ms a slice where the system delays it.
        if hasattr(socket, "TCP_QUICKACK"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return self._recv(count)


def _reason(error: Exception) -> str:
    """Return an error without the name of a temporary file."""
    return str(error).partition(": ")[2] or str(error)
