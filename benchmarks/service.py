"""Latency and throughput of the service beside a server that runs one forward pass per request.

    OMP_NUM_THREADS=1 python -m benchmarks.service [--clients 32] [--requests 640] [--rounds 5]

Both answer the same requests on this machine in turn: PNG images of 28 pixels, a ResNet-18 of width
16 with random weights. The naive server is FastAPI with a plain `def` endpoint that decodes with
Pillow and calls the network, as tutorials write it. The CPU time of the service without network and
decoding is that of requests that a network without layers answers, less the decoding.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import platform
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import requests
import torch
import uvicorn
from fastapi import FastAPI, File, UploadFile
from PIL import Image

from medmonai.data import ImageForm
from medmonai.deployment import Model
from medmonai.engines import FlipAveragingInferer
from medmonai.metrics import default_operating_point, default_temperature
from medmonai.networks import resnet18
from medmonai.serving import service
from medmonai.task import Task
from medmonai.transforms import BatchCompose, ScaleIntensityRange

_SIZE = (28, 28)


class _Mean(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).mean(dim=1, keepdim=True)


def model_of(network: torch.nn.Module) -> Model:
    """Return a model of images of 28 pixels."""
    task = Task("binary", 2)
    return Model(
        network.eval(),
        form=ImageForm(_SIZE, in_channels=1),
        preprocessing=BatchCompose([ScaleIntensityRange(0.0, 255.0, b_min=0.0, b_max=1.0)]),
        inferer=FlipAveragingInferer(),
        task=task,
        class_names=("normal", "lesion"),
        point=default_operating_point(task),
        temperature=default_temperature(task, scores="probabilities"),
        familiar=None,
        batch_size=64,
        device=torch.device("cpu"),
    )


def naive(network: torch.nn.Module) -> FastAPI:
    """Return a server with one forward pass per request."""
    app = FastAPI()

    @app.post("/predict")
    def predict(files: Annotated[UploadFile, File()]) -> dict[str, float]:
        image = Image.open(io.BytesIO(files.file.read())).convert("L").resize(_SIZE)
        x = torch.from_numpy(np.asarray(image, np.float32) / 255)[None, None]
        with torch.inference_mode():
            return {"lesion": float(torch.sigmoid(network(x))[0, 0])}

    return app


def application(name: str, folder: str) -> Any:
    """Return one of the servers that are compared."""
    torch.manual_seed(0)
    network = resnet18(in_channels=1, num_classes=1, width=16, stem="small").eval()
    if name == "naive":
        return naive(network)
    return service(model_of(network if name == "service" else _Mean()), folder=Path(folder))


def _serve(name: str, folder: str, listening: socket.socket) -> None:
    config = uvicorn.Config(application(name, folder), log_level="error", timeout_keep_alive=600)
    uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def running(name: str) -> Iterator[tuple[str, int]]:
    """Serve an application in a process of its own; yields its address and the process."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(name, folder, listening)
        )
        process.start()
        assert process.pid is not None
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        while True:
            try:
                requests.get(f"{address}/openapi.json", timeout=60)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        try:
            yield f"{address}/predict", process.pid
        finally:
            process.kill()
            process.join()
            listening.close()


def cpu_seconds(process: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(address: str, images: list[bytes], clients: int) -> tuple[float, list[float]]:
    """Return the seconds that all requests took, and those of each."""
    local = threading.local()

    def ask(image: bytes) -> float:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        begun = time.perf_counter()
        local.session.post(address, files={"files": ("a.png", image)}).raise_for_status()
        return time.perf_counter() - begun

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, images[:clients]))
        begun = time.perf_counter()
        each = list(pool.map(ask, images))
        return time.perf_counter() - begun, each


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    images = []
    for _ in range(given.requests):
        held = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, _SIZE).astype(np.uint8)).save(held, "PNG")
        images.append(held.getvalue())
    found: dict[str, list[tuple[float, ...]]] = {}
    for name in ("naive", "service", "service without network"):
        found[name] = []
        with running(name) as (address, process):
            measured(address, images, given.clients)
            for _ in range(given.rounds):
                before = cpu_seconds(process)
                seconds, each = measured(address, images, given.clients)
                cpu = (cpu_seconds(process) - before) / (given.requests + given.clients)
                p50, p95 = np.percentile(each, [50, 95])
                found[name].append((given.requests / seconds, 1000 * p50, 1000 * p95, 1000 * cpu))
    rows = {
        name: [round(statistics.median(column), 1) for column in zip(*rounds)]
        for name, rounds in found.items()
    }
    for name, (rate, p50, p95, cpu) in rows.items():
        print(
            f"{name:24} {rate:8.1f} requests/s  p50 {p50:7.1f} ms  p95 {p95:7.1f} ms  "
            f"CPU {cpu:5.1f} ms a request"
        )
    print(f"service / naive: {rows['service'][0] / rows['naive'][0]:.2f}")
    about = {"torch": torch.__version__, "machine": platform.machine(), **vars(given)}
    print(json.dumps(about))


if __name__ == "__main__":
    main()
