"""Where answers go: by C-STORE to an archive, or by STOW-RS to its DICOMweb interface."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from .security import Security

if TYPE_CHECKING:
    import requests
    from pydicom import Dataset

_SECONDS = 60.0
_OWN_HOSTS = ("127.0.0.1", "localhost", "::1")
# Stored, stored with a warning, and "there is one already": results have the same UID every time.
_STORED = {0x0000, 0xB000, 0xB006, 0xB007, 0x0111}
_DUPLICATE = 0x0111


class Unreachable(ConnectionError):
    """A destination that does not answer; later it may."""


class Declined(ValueError):
    """A destination that does not take an answer."""


class Destination(Protocol):
    """Something that answers are sent to."""

    @property
    def name(self) -> str:
        """As a person names it."""
        ...

    def send(self, files: Sequence[Path]) -> None:
        """Send an answer.

        Args:
            files: its instances, in their order.

        Raises:
            Declined: the destination does not take them.
            Unreachable: it does not answer.
        """
        ...


@dataclass(frozen=True)
class CStore:
    """An archive that takes C-STORE.

    Args:
        host: name or address.
        port: of its DICOM service.
        aet: its AE title.
        calling_aet: ours.
        tls: for an encrypted connection; None for a plain one.
    """

    host: str
    port: int
    aet: str
    _: KW_ONLY
    calling_aet: str
    tls: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        """The same as it is given on the command line."""
        return f"{self.host}:{self.port}:{self.aet}"

    def send(self, files: Sequence[Path]) -> None:
        """Send an answer in one association; see `Destination.send`."""
        from pydicom import dcmread
        from pydicom.uid import (
            ComprehensiveSRStorage,
            ExplicitVRLittleEndian,
            ImplicitVRLittleEndian,
            SecondaryCaptureImageStorage,
        )
        from pynetdicom import AE

        ae = AE(self.calling_aet)
        ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = _SECONDS
        for kind in (ComprehensiveSRStorage, SecondaryCaptureImageStorage):
            ae.add_requested_context(kind, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        tls = None if self.tls is None else (self.tls, self.host)
        try:
            association = ae.associate(self.host, self.port, ae_title=self.aet, tls_args=tls)
        except OSError as error:  # a name that is not known
            raise Unreachable(f"{self.name} does not answer ({error.strerror})") from None
        if not association.is_established:
            refused = "refuses the association" if association.is_rejected else "does not answer"
            raise Unreachable(f"{self.name} {refused}")
        try:
            for file in files:
                try:
                    status = association.send_c_store(dcmread(file)).get("Status")
                except ValueError as error:  # it takes no such kind of object
                    raise Declined(f"{self.name}: {error}") from None
                except RuntimeError as error:
                    raise Unreachable(f"{self.name}: {error}") from None
                if status is None:
                    raise Unreachable(f"{self.name} ended the association")
                if status not in _STORED:
                    raise Declined(f"{self.name} answers with status 0x{status:04X}")
        finally:
            if association.is_established:
                association.release()


@dataclass(frozen=True)
class StowRS:
    """A DICOMweb service that takes STOW-RS.

    Args:
        url: of the service, such as "https://pacs/dicom-web".
        security: our certificate and secret, and what is checked of theirs.
    """

    url: str
    _: KW_ONLY
    security: Security

    @property
    def name(self) -> str:
        """The address, without a password that may stand in it."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def send(self, files: Sequence[Path]) -> None:
        """Send an answer, one request per instance; see `Destination.send`."""
        import requests
        from dicomweb_client import DICOMwebClient
        from pydicom import dcmread

        with _session(self.security) as session:
            client = DICOMwebClient(self.url, session, timeout=_SECONDS)
            client.set_http_retry_params(retry=False)  # the outbox tries again
            for file in files:
                try:
                    failed = _failures(client.store_instances([dcmread(file)]))
                except requests.HTTPError as error:
                    raise Declined(f"{self.name} answers {_status(error)}") from None
                except requests.RequestException as error:
                    kind = type(error).__name__
                    raise Unreachable(f"{self.name} does not answer ({kind})") from None
                if set(failed) - {_DUPLICATE}:
                    raise Declined(f"{self.name} answers with failure reason 0x{max(failed):04X}")


def _session(security: Security) -> requests.Session:
    """Return a session that checks and shows what was named. Where something was, the environment
    (REQUESTS_CA_BUNDLE, ~/.netrc) does not replace it; its proxies count.
    """
    import requests

    class Session(requests.Session):
        def merge_environment_settings(
            self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            checked = security.authority and str(security.authority)
            return super().merge_environment_settings(url, proxies, stream, checked or verify, cert)

    def shown(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = security.authorization
        return request

    session = Session()
    session.cert = security.pair
    session.auth = shown if security.authorization else None
    return session


def _status(error: object) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else "with an error"


def _failures(answer: Dataset) -> Iterable[int]:
    return [int(one.get("FailureReason", 0)) for one in answer.get("FailedSOPSequence") or ()]


def destination_key(one: Destination) -> str:
    """Return how the outbox notes that an answer was delivered there."""
    return hashlib.sha256(one.name.encode()).hexdigest()[:16]


def destination(
    given: str, *, calling_aet: str, security: Security, encrypted: bool = False
) -> Destination:
    """Return the destination that a text names.

    Args:
        given: HOST:PORT:AET for C-STORE, or the http(s) address of a DICOMweb service.
        calling_aet: our AE title.
        security: our certificate, and what is checked of theirs.
        encrypted: whether C-STORE uses TLS.

    Raises:
        ValueError: the text names neither, or an authorization header would go to another machine
            unencrypted.

    Example:
        >>> destination("pacs:104:ARCHIVE", calling_aet="MEDMONAI", security=Security()).name
        'pacs:104:ARCHIVE'
    """
    if given.startswith(("http://", "https://")):
        host = urlsplit(given).hostname
        if not host:
            raise ValueError(f"--send-to {given!r}; an address with a host is needed.")
        if security.authorization and given.startswith("http://") and host not in _OWN_HOSTS:
            raise ValueError(
                f"--send-to {given!r} would show the authorization header to everybody on the way; "
                "use https."
            )
        return StowRS(given.rstrip("/"), security=security)
    address, _, aet = given.rpartition(":")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or not 0 < len(aet) <= 16:
        raise ValueError(
            f"--send-to {given!r}; HOST:PORT:AET is needed, such as pacs.example:104:ARCHIVE, or "
            "the address of a DICOMweb service, such as https://pacs.example/dicom-web."
        )
    tls = security.sending() if encrypted else None
    return CStore(host.strip("[]"), int(port), aet, calling_aet=calling_aet, tls=tls)
