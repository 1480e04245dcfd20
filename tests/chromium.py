"""A headless Chromium for tests of pages, spoken to over its debugging pipe: no port, no driver."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Chromium reads its commands from file 3 and writes answers to file 4.
_AS_3_AND_4 = (
    "import fcntl, os, sys; "
    "high = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 10) for word in sys.argv[1:3]]; "
    "os.dup2(high[0], 3); os.dup2(high[1], 4); os.execv(sys.argv[3], sys.argv[3:])"
)


def installed():
    """Path of the browser; None without one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser. Commands are those of the Chrome DevTools Protocol."""

    def __init__(self, profile: Path):
        read_by_browser, self._out = os.pipe()
        self._in, written_by_browser = os.pipe()
        words = [
            sys.executable,
            "-c",
            _AS_3_AND_4,
            str(read_by_browser),
            str(written_by_browser),
            installed(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            words,
            pass_fds=(read_by_browser, written_by_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_by_browser)
        os.close(written_by_browser)
        self._count, self._waiting, self._session = 0, b"", None
        self.problems = []  # what the page's console and its security policy complain about
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        attached = self.command("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._out)
        self._process.terminate()
        self._process.wait()
        os.close(self._in)

    def command(self, method, **parameters):
        """Send a command and return its result; events that come first are looked through."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self):
        while b"\0" not in self._waiting:
            got = os.read(self._in, 1 << 16)
            assert got, "the browser has ended"
            self._waiting += got
        first, _, self._waiting = self._waiting.partition(b"\0")
        message = json.loads(first)
        if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
            self.problems.append(message["params"])
        return message

    def open(self, place: Path | str, *, width=1200, height=900, media=(), features=None):
        """Open a file or an address in a window of that size; `features` such as
        prefers-color-scheme.
        """
        self.problems.clear()
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.command(
            "Emulation.setEmulatedMedia",
            media=media or "",
            features=[{"name": name, "value": value} for name, value in (features or {}).items()],
        )
        self.command(
            "Page.navigate", url=place if isinstance(place, str) else place.resolve().as_uri()
        )
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression):
        """Return the value of an expression of JavaScript in the page."""
        found = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def choose(self, selector, *files):
        """Choose files in an input of the page."""
        root = self.command("DOM.getDocument")["root"]["nodeId"]
        node = self.command("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.command("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def until(self, expression):
        """Wait until an expression of JavaScript is true in the page."""
        for _ in range(12_000):  # as a net only
            if self.evaluate(expression):
                return
            time.sleep(0.05)
        raise AssertionError(f"{expression} was never true")

    def press(self, key):
        """Press a key, such as Enter, where the focus is."""
        code = {"Enter": 13, " ": 32, "Tab": 9, "ArrowRight": 39}[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.command(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                text=text if kind == "keyDown" else "",
                windowsVirtualKeyCode=code,
            )
