"""One thread that owns the network: whatever waits when it is free becomes its next batch."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from medmonai.data.files import DecodedCase
from medmonai.deployment import ExportedModel, GivenCase, Model, PredictedCase, predict_batch


class Overloaded(RuntimeError):
    """More images wait for the network than the service keeps."""


class Batcher:
    """Run a model on images that come from many threads, several at a time.

    No image waits for others: the network takes those that are there, at most `model.batch_size`,
    and while it works the next ones gather. Under load this becomes large batches by itself, and
    alone an image is not delayed.

    Args:
        model: a loaded model.
        most_waiting: images that may wait; more raise `Overloaded`.
        observe: called with the size of each batch.

    Raises:
        ValueError: `most_waiting` below 1.
    """

    def __init__(
        self,
        model: Model | ExportedModel,
        *,
        most_waiting: int = 1024,
        observe: Callable[[int], Any] = lambda size: None,
    ) -> None:
        if most_waiting < 1:
            raise ValueError(f"most_waiting={most_waiting}; at least 1 is needed.")
        self.model = model
        self._observe = observe
        self._waiting: queue.Queue[_Work | None] = queue.Queue(most_waiting)
        self._thread = threading.Thread(target=self._run, name="medmonai-network", daemon=True)
        self._thread.start()

    def submit(self, given: GivenCase, decoded: DecodedCase | str) -> Future[PredictedCase]:
        """Return the future prediction of an image.

        Args:
            given: names the case.
            decoded: the image, or why there is none.

        Raises:
            Overloaded: too many images wait.
        """
        return self._put(_Image(given, decoded))

    def call(self, function: Callable[[Any], Any]) -> Future[Any]:
        """Return the future result of a function of the model, which runs between two batches.

        Raises:
            Overloaded: too many images wait.
        """
        return self._put(_Call(function))

    def waiting(self) -> int:
        """Return how many images wait for the network."""
        return self._waiting.qsize()

    def close(self) -> None:
        """Finish what waits, then stop the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _put(self, work: _Work) -> Future[Any]:
        try:
            self._waiting.put_nowait(work)
        except queue.Full:
            raise Overloaded(f"{self._waiting.maxsize} images wait already") from None
        return work.future

    def _run(self) -> None:
        while True:
            work = self._waiting.get()
            images: list[_Image] = []
            while isinstance(work, _Image):
                images.append(work)
                if len(images) == self.model.batch_size:
                    break
                try:
                    work = self._waiting.get_nowait()
                except queue.Empty:
                    break
            if images:
                self._predict(images)
            if work is None:
                return
            if isinstance(work, _Call):
                work.answer(lambda work=work: work.function(self.model))

    def _predict(self, images: Sequence[_Image]) -> None:
        wanted = [one for one in images if one.future.set_running_or_notify_cancel()]
        if not wanted:
            return
        self._observe(len(wanted))
        try:
            cases = list(predict_batch(self.model, [(one.given, one.decoded) for one in wanted]))
        except Exception as error:  # whoever waits has to hear of it; the thread goes on
            for one in wanted:
                one.future.set_exception(error)
            return
        for one, case in zip(wanted, cases):
            one.future.set_result(case)


class _Work:
    def __init__(self) -> None:
        self.future: Future[Any] = Future()

    def answer(self, function: Callable[[], Any]) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(function())
        except Exception as error:  # as above
            self.future.set_exception(error)


class _Image(_Work):
    def __init__(self, given: GivenCase, decoded: DecodedCase | str) -> None:
        super().__init__()
        self.given = given
        self.decoded = decoded


class _Call(_Work):
    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function
