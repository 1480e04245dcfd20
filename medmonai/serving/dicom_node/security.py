"""Encrypted connections of both directions, and what a node shows to prove who it is."""

from __future__ import annotations

import socket
import ssl
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any


class _LateHandshake(ssl.SSLContext):
    """A context whose connections shake hands when they are first read, in their own thread: a
    client that connects and says nothing does not keep others waiting.
    """

    def wrap_socket(self, sock: socket.socket, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(sock, **{**options, "do_handshake_on_connect": False})


@dataclass(frozen=True)
class Security:
    """Certificates and secrets of a node.

    Args:
        certificate: of the node, PEM; None for plain connections to it.
        key: of the certificate, PEM.
        authority: PEM with the certificates that vouch for those of senders and destinations. With
            it and a certificate of the node, a sender needs one, too; without it, destinations are
            checked by those of the system.
        authorization: header for DICOMweb services, such as "Bearer TOKEN"; "" for none.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a certificate without its key, or the reverse.
    """

    certificate: Path | None = None
    _: KW_ONLY
    key: Path | None = None
    authority: Path | None = None
    authorization: str = ""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("--tls-certificate and --tls-key belong together; give both.")
        for path in filter(None, (self.certificate, self.key, self.authority)):
            if not path.is_file():
                raise FileNotFoundError(f"{path} does not exist; a PEM file is needed.")

    @property
    def pair(self) -> tuple[str, str] | None:
        """Paths of the certificate and its key; None without them."""
        if self.certificate is None or self.key is None:
            return None
        return str(self.certificate), str(self.key)

    def listening(self) -> ssl.SSLContext | None:
        """Return the context of connections that others open; None for plain ones.

        Raises:
            ValueError: a file that holds something else.
        """
        if self.certificate is None:
            return None
        context = _LateHandshake(ssl.PROTOCOL_TLS_SERVER)
        if self.authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return self._loaded(context)

    def sending(self) -> ssl.SSLContext:
        """Return the context of connections that the node opens; the other side's certificate and
        name are checked.

        Raises:
            ValueError: a file that holds something else.
        """
        if self.authority is None:
            return self._loaded(ssl.create_default_context())
        return self._loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def _loaded(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if self.pair is not None:
                context.load_cert_chain(*self.pair)
            if self.authority is not None:
                context.load_verify_locations(self.authority)
        except ssl.SSLError as error:
            files = (self.certificate, self.key, self.authority)
            named = ", ".join(str(path) for path in files if path)
            raise ValueError(
                f"{named}: no certificate with its key in PEM ({error.reason or error})."
            ) from None
        return context
