"""What stands before every request: who may ask, how much, and for how long."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import anyio

from .counters import Counters
from .limits import Limits
from .uploads import Refused

_OPEN = {"/", "/health"}  # without a token: the page asks for one
_PATHS = {"/", "/health", "/metrics", "/model", "/openapi.json", "/predict"}
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]


class Gate:
    """ASGI middleware that refuses with a reason what a service does not take.

    - 401 without the token, 403 from a page of another site, 400 for a host name that is not the
      service's: a page elsewhere cannot use a service on this machine.
    - 413 where a body is larger than its bound, whatever its header says; 408 where it comes too
      slowly; 503 where too many requests are being served.

    Args:
        app: what is guarded.
        limits: of requests.
        counters: count what is answered.
        token: that has to be given as "Authorization: Bearer TOKEN"; "" for none.
        hosts: names under which the service may be asked; () for any.
    """

    def __init__(
        self,
        app: Any,
        *,
        limits: Limits,
        counters: Counters,
        token: str = "",
        hosts: Collection[str] = (),
    ) -> None:
        self.app = app
        self.limits = limits
        self.counters = counters
        self.token = token
        self.hosts = frozenset(hosts)
        self._requests = 0
        self._received = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in _PATHS else "other"
        begun = time.monotonic()
        held = _Body(self, receive)
        answered = _Answer(send, held)
        self._requests += 1
        try:
            self._check(scope)
            with anyio.fail_after(self.limits.seconds):
                await self.app(scope, held.receive, answered.send)
        except Refused as refused:
            await answered.refuse(refused.status, str(refused))
        except TimeoutError:
            late = f"longer than {self.limits.seconds:g} seconds."
            if held.whole:
                await answered.refuse(503, f"the answer took {late}")
            else:
                await answered.refuse(408, f"the request took {late}")
        finally:
            self._requests -= 1
            self._received -= held.bytes
            self.counters.requests.labels(path, str(answered.status)).inc()
            self.counters.seconds.labels(path).observe(time.monotonic() - begun)

    def _check(self, scope: Any) -> None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if self._requests > self.limits.requests:
            raise Refused(503, f"{self.limits.requests} requests are being served; try again.")
        host = _host(headers.get("host", ""))
        if self.hosts and host not in self.hosts:
            raise Refused(400, f"this service is not {host!r}; use {sorted(self.hosts)[0]}.")
        origin = headers.get("origin")
        if origin and urlsplit(origin).netloc != headers.get("host"):
            raise Refused(403, "pages of other sites may not use this service.")
        if self.token and scope["path"] not in _OPEN:
            given = headers.get("authorization", "").removeprefix("Bearer ").strip()
            if not secrets.compare_digest(given.encode("latin-1", "replace"), self.token.encode()):
                raise Refused(401, "a token is needed: send 'Authorization: Bearer TOKEN'.")
        stated = headers.get("content-length", "0")
        if stated.isdigit() and int(stated) > self.limits.request_bytes:
            raise Refused(413, self.too_large())

    def too_large(self) -> str:
        """Return why a request is refused that is too large."""
        return f"the request is larger than {self.limits.request_mb:g} MB."

    def count(self, received: int) -> None:
        """Count bytes of all requests that are being served."""
        self._received += received
        if self._received > self.limits.received_bytes:
            raise Refused(503, "too much is being received at once; try again.")


class _Body:
    """The body of a request while it comes."""

    def __init__(self, gate: Gate, receive: Any) -> None:
        self.gate = gate
        self._receive = receive
        self.bytes = 0
        self.whole = False
        self.refused: Refused | None = None

    async def receive(self) -> Mapping[str, Any]:
        message = await self._receive()
        size = len(message.get("body", b""))
        self.bytes += size
        try:
            self.gate.count(size)
            if self.bytes > self.gate.limits.request_bytes:
                raise Refused(413, self.gate.too_large())
        except Refused as refused:
            self.refused = refused  # whoever parses the body makes an error of its own of it
            raise
        self.whole = self.whole or not message.get("more_body", False)
        return message


class _Answer:
    def __init__(self, send: Any, body: _Body) -> None:
        self._send = send
        self._body = body
        self.status = 0
        self._replaced = False

    async def send(self, message: Any) -> None:
        if self._replaced:
            return
        if self._body.refused is not None and not self.status:
            refused = self._body.refused
            await self.refuse(refused.status, str(refused))
            self._replaced = True
            return
        await self._pass(message)

    async def _pass(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await self._send(message)

    async def refuse(self, status: int, reason: str) -> None:
        if self.status:  # the answer has begun
            return
        # the rest of the body is not read: the connection ends
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await self._pass({"type": "http.response.start", "status": status, "headers": headers})
        body = json.dumps({"detail": reason}).encode()
        await self._pass({"type": "http.response.body", "body": body})


def _host(stated: str) -> str:
    """Return the name in a Host header, without its port."""
    return (urlsplit(f"//{stated}").hostname or "").lower()
