"""A service on a free port of this machine, in a thread of the test."""

from __future__ import annotations

import io
import socket
import threading
import time
import zipfile
from contextlib import contextmanager

import numpy as np
import uvicorn
from PIL import Image

from medmonai.serving import service
from medmonai.serving.listening import Patient


@contextmanager
def running(model, folder, **options):
    """Serve a model; yields the address."""
    folder.mkdir(exist_ok=True)
    app = service(model, folder=folder, **options)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=Patient, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def picture(value, *, size=(8, 8), kind="PNG"):
    """The bytes of an image of one gray value."""
    held = io.BytesIO()
    Image.fromarray(np.full(size, value, np.uint8)).save(held, kind)
    return held.getvalue()


def archive(files):
    """The bytes of a zip archive of name -> bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return held.getvalue()
