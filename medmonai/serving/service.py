"""The service: images in, probabilities, decisions and flags out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, HTTPException, Query, Response, UploadFile
from fastapi.responses import HTMLResponse

from medmonai import __version__
from medmonai.deployment import ExportedModel, Model
from medmonai.report import NOT_CLINICAL

from .answering import Answering, given_covariates
from .batching import Batcher, Overloaded
from .counters import Counters
from .gate import Gate
from .limits import Limits
from .page import content_security, page
from .uploads import Refused, Upload


def service(
    model: Model | ExportedModel,
    *,
    folder: Path,
    about: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    token: str = "",
    hosts: Collection[str] = (),
) -> Gate:
    """Return the ASGI application that serves a model.

    - ``POST /predict``: form field ``files``, one or more; ``saliency=true`` and ``view=true`` add
      pictures. JSON with a case each: id, probabilities, decision, spread, flag.
    - ``GET /``: a page for one image; ``/model``, ``/health``, ``/metrics`` (Prometheus),
      ``/openapi.json``.

    Nothing is kept: files lie in `folder` until their request is answered.

    Args:
        model: a loaded model.
        folder: for what is received.
        about: what `/model` says beside the classes, such as name and version.
        limits: of requests.
        token: that requests have to give; "" for none.
        hosts: names under which the service may be asked; () for any.
    """
    limits = limits or Limits()
    counters = Counters()
    batcher = Batcher(model, observe=counters.batches.observe)
    counters.follow(batcher.waiting)
    decoders = ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0))), "medmonai-decoder")

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        decoders.shutdown(wait=True, cancel_futures=True)
        batcher.close()

    # no docs_url: its page would load scripts from elsewhere
    app = FastAPI(
        title="medmonai",
        version=__version__,
        description=NOT_CLINICAL,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
    )
    answering = Answering(model, batcher, decoders, folder=folder, limits=limits, counters=counters)
    _add_pages(app, {**(about or {}), **_described(model), "warning": NOT_CLINICAL}, counters)
    _add_predictions(app, answering, dict(about or {}))
    return Gate(app, limits=limits, counters=counters, token=token, hosts=hosts)


def _add_pages(app: FastAPI, described: Mapping[str, Any], counters: Counters) -> None:
    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def show_page() -> HTMLResponse:
        return HTMLResponse(page(), headers={"content-security-policy": content_security()})

    @app.get("/health", summary="Whether the service answers.")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/metrics", summary="Counters for Prometheus.")
    async def metrics() -> Response:
        return Response(counters.text(), media_type="text/plain; version=0.0.4")

    @app.get("/model", summary="Classes, threshold and input of the model.")
    async def of_model() -> Mapping[str, Any]:
        return described


def _add_predictions(app: FastAPI, answering: Answering, about: Mapping[str, Any]) -> None:
    @app.post("/predict", summary="Predict one or more images.")
    async def predict(
        files: Annotated[
            list[UploadFile],
            File(description="PNG, JPEG, TIFF, NIfTI, DICOM, or a zip archive of a series"),
        ],
        covariates: Annotated[
            str, Form(description='JSON of the columns a model takes, such as {"age": "61"}')
        ] = "{}",
        saliency: Annotated[bool, Query(description="add where the network looks")] = False,
        view: Annotated[bool, Query(description="add the image as it sees it")] = False,
    ) -> dict[str, Any]:
        uploads = [Upload(one.filename or "image", one.file) for one in files]
        try:
            columns = given_covariates(covariates, answering.model)
            cases = await answering.answers(uploads, columns, saliency=saliency, view=view)
        except Refused as refused:
            raise HTTPException(refused.status, str(refused)) from None
        except Overloaded as error:
            raise HTTPException(503, f"{error}; try again.", {"retry-after": "1"}) from None
        return {"cases": cases, "model": about, "warning": NOT_CLINICAL}


def _described(model: Model | ExportedModel) -> dict[str, Any]:
    form = model.form
    return {
        "task": model.task.kind,
        "classes": list(model.class_names),
        "positive_class": model.class_names[1] if model.task.kind == "binary" else None,
        "operating_point": model.point.as_dict(),
        "calibrated": model.temperature.chosen_on != "none",
        "calibrated_on": model.temperature.n,
        "adapted": model.temperature.chosen_on == "adaptation",
        "members": model.member_count,
        "saliency": isinstance(model, Model),
        "spatial_size": list(form.spatial_size),
        "in_channels": form.in_channels,
        "images_of_a_case": list(model.image_columns),
        "covariates": [] if model.covariates is None else list(model.covariates.names),
    }
