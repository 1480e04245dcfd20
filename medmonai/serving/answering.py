"""From the files of one request to its answer."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from medmonai.data.files import DecodedCase
from medmonai.deployment import ExportedModel, GivenCase, Model, PredictedCase, read_given
from medmonai.engines import NoTargetLayer

from .batching import Batcher
from .counters import Counters
from .limits import Limits
from .uploads import Refused, Upload, received_cases
from .views import decided_map, image_slices, map_slices


@dataclass(frozen=True, eq=False)
class Answering:
    """Write, decode and predict the files of requests.

    Args:
        model: a loaded model.
        batcher: runs it.
        decoders: threads that write and decode.
        folder: for what is received; empty again when a request is answered.
        limits: of a request.
        counters: count images.
    """

    model: Model | ExportedModel
    batcher: Batcher
    decoders: ThreadPoolExecutor
    _: KW_ONLY
    folder: Path
    limits: Limits
    counters: Counters

    async def answers(
        self,
        uploads: Sequence[Upload],
        covariates: Mapping[str, str],
        *,
        saliency: bool,
        view: bool,
    ) -> list[dict[str, Any]]:
        """Return a case for each image.

        Args:
            uploads: the files of the request.
            covariates: column -> text, as `given_covariates` returns it.
            saliency: add the map of the decided class; None of a network without a layer for it.
            view: add the image as the network sees it.

        Raises:
            Overloaded: too many images wait for the network.
            Refused: files that the model does not take, or a map of an exported file.
        """
        if saliency and isinstance(self.model, ExportedModel):
            raise Refused(
                422,
                "an exported file cannot say where its networks look; ask without saliency, or "
                "serve the folder that it was exported from.",
            )
        loop = asyncio.get_running_loop()
        place = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            given = await loop.run_in_executor(
                self.decoders, received_cases, uploads, place, self.model, self.limits
            )
            given = [replace(case, covariates=dict(covariates)) for case in given]
            decoded = await asyncio.gather(
                *(loop.run_in_executor(self.decoders, read_given, one, self.model) for one in given)
            )
        finally:
            await asyncio.shield(loop.run_in_executor(None, partial(shutil.rmtree, place, True)))
        futures = [self.batcher.submit(*pair) for pair in zip(given, decoded)]
        predicted = await asyncio.gather(*map(asyncio.wrap_future, futures))
        answers = []
        for case, image, one in zip(given, decoded, predicted):
            self.counters.images.labels("read" if one.probabilities else "not read").inc()
            answer = self._answer(one)
            if isinstance(image, DecodedCase) and one.probabilities:
                answer |= await self._pictures(case, image, one, saliency=saliency, view=view)
            answers.append(answer)
        return answers

    def _answer(self, case: PredictedCase) -> dict[str, Any]:
        scores = dict(zip(self.model.class_names, case.probabilities))
        return {
            "id": case.id,
            "probabilities": scores or None,
            "decision": case.decision or None,
            "spread": case.spread if scores else None,
            "flag": case.flag,
        }

    async def _pictures(
        self,
        given: GivenCase,
        image: DecodedCase,
        predicted: PredictedCase,
        *,
        saliency: bool,
        view: bool,
    ) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        pictures = {}
        if view:
            pictures["view"] = await loop.run_in_executor(self.decoders, image_slices, image)
        if saliency:
            asked = self.batcher.call(partial(_explained, given, image, predicted))
            try:
                pictures["saliency"] = await asyncio.wrap_future(asked)
            except NoTargetLayer:
                pictures["saliency"] = None
        return pictures


def _explained(
    given: GivenCase, image: DecodedCase, predicted: PredictedCase, model: Model
) -> list[str]:
    return map_slices(decided_map(model, given, image, predicted), image.place)


def given_covariates(text: str, model: Model | ExportedModel) -> dict[str, str]:
    """Return the covariates of a request, "" for what is not known.

    Args:
        text: JSON, such as {"age": "61"}.
        model: says which it takes.

    Raises:
        Refused: no JSON object, or a column that the model does not take.
    """
    names = () if model.covariates is None else model.covariates.names
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(422, 'covariates are not JSON; send such as {"age": "61"}.') from None
    if not isinstance(given, dict) or not set(given) <= set(names):
        known = ", ".join(names) or "none"
        raise Refused(422, f"covariates={text[:80]}; this model takes {known}.")
    return {name: "" if given.get(name) is None else str(given[name]) for name in names}
