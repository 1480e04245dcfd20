"""`medmonai dicom-node`: a model in a network of scanners and archives."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from medmonai.claims import FolderInUse, release, take
from medmonai.deployment import Model, about_model, load_model
from medmonai.report import NOT_CLINICAL
from medmonai.serving.node_answers import Identity, NotAnswered, Selection, answer_series
from medmonai.serving.node_queue import Arrivals, DiskQueue, NodeLimits

from .delivery import Destination, destination_key
from .receiving import Listening, receiving
from .sending import Sender, said_of

_PAUSE = 0.2  # seconds between looks at the queue
_AFTER_ERROR = 10.0

logger = logging.getLogger("medmonai.dicom_node")


@dataclass(frozen=True, eq=False)
class Node:
    """What a node does with series: take, answer, send.

    Args:
        model: a loaded model.
        identity: names it in results.
        selection: which series it answers.
        listening: where instances come in.
        destinations: where answers go; one that is named twice counts once.
        folder: of the queue.
        arrivals: when a series is complete.
        limits: of what is received.
    """

    model: Model
    _: KW_ONLY
    identity: Identity
    selection: Selection
    listening: Listening
    destinations: Sequence[Destination]
    folder: Path
    arrivals: Arrivals = field(default_factory=Arrivals)
    limits: NodeLimits = field(default_factory=NodeLimits)

    @contextmanager
    def running(self) -> Iterator[int]:
        """Receive, answer and send while the block runs; yields the port.

        Raises:
            FolderInUse: another node works in the folder.
            OSError: the address or the folder cannot be used.
        """
        stop = threading.Event()
        with _held(self.folder):
            queue = DiskQueue(self.folder, version=self.identity.version, limits=self.limits)
            for series in queue.incoming():
                self.arrivals.stored(series, association=None, now=time.monotonic())
            destinations = {destination_key(one): one for one in self.destinations}
            threads = [threading.Thread(target=self._answer_series, args=(queue, stop))]
            threads += [threading.Thread(target=self._complete_series, args=(queue, stop))]
            threads += [
                threading.Thread(
                    target=Sender(queue.outbox, one, [*destinations]).run, args=(stop,)
                )
                for one in destinations.values()
            ]
            with receiving(
                queue, self.arrivals, listening=self.listening, limits=self.limits
            ) as port:
                for thread in threads:
                    thread.start()
                try:
                    yield port
                finally:
                    stop.set()
                    for thread in threads:
                        thread.join()

    def _complete_series(self, queue: DiskQueue, stop: threading.Event) -> None:
        while not stop.wait(_PAUSE):
            for series in self.arrivals.complete(time.monotonic()):
                try:
                    reason = queue.complete(series)
                except Exception as error:  # such as a full disk; the series stays
                    logger.error("series %s: %s", series[:12], said_of(error))
                    self.arrivals.stored(series, association=None, now=time.monotonic())
                    continue
                said = f"not answered: {reason}" if reason else "complete"
                logger.info("series %s: %s", series[:12], said)

    def _answer_series(self, queue: DiskQueue, stop: threading.Event) -> None:
        while not stop.wait(_PAUSE):
            try:
                queue.resume()
                while not stop.is_set() and (waiting := queue.next_waiting()) is not None:
                    self._answer_one(queue, *waiting, stop=stop)
            except Exception as error:  # such as a full disk; what is there waits
                logger.error("the queue: %s; trying again", said_of(error))
                stop.wait(_AFTER_ERROR)

    def _answer_one(
        self, queue: DiskQueue, series: str, folder: Path, *, stop: threading.Event
    ) -> None:
        short = f"series {series[:12]}"
        try:
            results = answer_series(
                folder, self.model, selection=self.selection, identity=self.identity
            )
            queue.answer(series, results)
        except NotAnswered as error:
            noted = queue.note(series, str(error))
            logger.info("%s: not answered%s: %s", short, "" if noted else " yet", error)
        except OSError as error:  # of the disk, not of the series
            logger.error("%s: %s; trying again", short, error)
            queue.put_back(series, counted=False)
            stop.wait(_AFTER_ERROR)
        except Exception as error:  # the others go on
            logger.error("%s: %s", short, said_of(error))
            queue.put_back(series, counted=True)
        else:
            logger.info("%s: answered", short)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder of the queue, which is for this user only."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
    try:
        take(folder)
    except (FolderInUse, OSError) as error:
        raise type(error)(str(error).replace("--output_dir", "--folder")) from None
    try:
        yield
    finally:
        release(folder)


def dicom_node(
    model: str | Path,
    *,
    listening: Listening,
    destinations: Sequence[Destination],
    folder: str | Path = "dicom-node",
    modalities: Sequence[str] = (),
    body_parts: Sequence[str] = (),
    arrivals: Arrivals | None = None,
    limits: NodeLimits | None = None,
) -> None:
    """Answer the series that are sent to a model, until the process is stopped.

    Args:
        model: the folder of a fit, of a run, or of a bundle with weights; see
            `medmonai.deployment.load_model`.
        listening: where series come in.
        destinations: where answers go; at least one.
        folder: of the queue. What it holds after a stop or a crash goes on with the next start.
        modalities: of the series that are answered; () for those recorded with the model.
        body_parts: likewise.
        arrivals: when a series is complete.
        limits: of what is received.

    Raises:
        FileNotFoundError: no model there.
        OSError: the address or the folder cannot be used.
        ValueError: no destination, or a model that cannot answer series; see `Selection.of`.
    """
    if not destinations:
        raise ValueError("name at least one destination: --send-to HOST:PORT:AET.")
    loaded = load_model(model)
    node = Node(
        loaded,
        identity=Identity.of(loaded, about_model(loaded, Path(model))),
        selection=Selection.of(loaded, modalities=modalities, body_parts=body_parts),
        listening=listening,
        destinations=destinations,
        folder=Path(folder),
        arrivals=arrivals or Arrivals(),
        limits=limits or NodeLimits(),
    )
    with node.running() as port:
        chosen = node.selection
        parts = f" of {', '.join(chosen.body_parts)}" if chosen.body_parts else ""
        kind = "volumes" if chosen.spatial_dims == 3 else "images"
        print(
            f"{listening.aet}@{listening.host}:{port} answers {', '.join(chosen.modalities)} "
            f"{kind}{parts} to {', '.join(one.name for one in destinations)}  {NOT_CLINICAL}",
            flush=True,
        )
        _until_stopped()


def _until_stopped() -> None:
    """Wait for SIGTERM or SIGINT. What is being answered or sent is finished first."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
