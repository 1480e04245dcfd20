"""Files of a request as cases of a model: named, unpacked and bounded, in a folder that is
removed with the answer.
"""

from __future__ import annotations

import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from medmonai.data.containers import UnreadableImageError, is_dicom, of_the_disk
from medmonai.data.files import read_case
from medmonai.deployment import ExportedModel, GivenCase, Model, given_cases
from medmonai.processes import alive
from medmonai.tables import OTHER_TABLES, TABLE_SUFFIXES

from .limits import Limits

_PREFIX = "medmonai-serve-"
_CHUNK = 1 << 20
# What zipfile raises for a damaged archive, one with a password, or one packed in an unknown way:
# the decoders of its methods have errors of their own, bz2 an OSError without a number.
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    OSError,
)


class Refused(ValueError):
    """A request that is not answered.

    Args:
        status: of HTTP.
        reason: what is wrong and what is allowed.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Upload:
    """A file of a request.

    Args:
        name: as the client gives it; only its last part is used.
        file: its bytes.
    """

    name: str
    file: BinaryIO


def own_folder() -> Path:
    """Make the folder of this process for everything that is received, and remove those of
    services that were killed.
    """
    place = Path(tempfile.gettempdir())
    for other in place.glob(f"{_PREFIX}*"):
        process = other.name.removeprefix(_PREFIX).partition("-")[0]
        if process.isdigit() and not alive(int(process)) and not other.is_symlink():
            shutil.rmtree(other, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place))


def received_cases(
    uploads: Sequence[Upload], folder: Path, model: Model | ExportedModel, limits: Limits
) -> list[GivenCase]:
    """Write the files of a request into a folder and return its cases; nothing is decoded yet.

    A file is an image; a zip archive holds images or the slices of a series. Several DICOM files
    for a model of volumes are one series. If each channel of the model is a file of its own, the
    files are the channels of one case, in the order of the training's columns.

    Args:
        uploads: the files.
        folder: an empty one.
        model: says what the images become.
        limits: of the request.

    Raises:
        Refused: no file, too many, an archive that is too large or damaged, or nothing in it that
            the model takes.
    """
    if not uploads:
        raise Refused(422, "no file was sent; send one or more as the form field 'files'.")
    if len(uploads) > limits.files:
        raise Refused(413, f"{len(uploads)} files; at most {limits.files} are taken at once.")
    places = [_write(upload, folder / str(number)) for number, upload in enumerate(uploads)]
    if model.image_columns:
        return [_of_channels(places, model)]
    three = len(model.form.spatial_size) == 3
    if three and len(places) > 1 and all(map(is_dicom, places)):
        places = [_series(places, folder / "series")]
    cases = []
    for place in places:
        cases += _cases_of(place, model, limits)
    if len(cases) > limits.images:
        raise Refused(413, f"{len(cases)} images; at most {limits.images} are taken at once.")
    return cases


def _write(upload: Upload, folder: Path) -> Path:
    folder.mkdir()
    place = folder / _plain_name(upload.name)
    with place.open("wb") as file:
        shutil.copyfileobj(upload.file, file, _CHUNK)
    return place


def _plain_name(name: str) -> str:
    """Return the last part of a name, without what a file system or a log could trip over."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(letter if letter.isprintable() else "_" for letter in last).strip(". ")
    # the end says the format
    return kept.encode("utf-8", "replace")[-200:].decode("utf-8", "ignore") or "image"


def _series(places: Sequence[Path], folder: Path) -> Path:
    folder.mkdir()
    for number, place in enumerate(places):
        place.rename(folder / f"{number:05d}.dcm")
    return folder


def _of_channels(places: Sequence[Path], model: Model | ExportedModel) -> GivenCase:
    names = ", ".join(model.image_columns)
    if len(places) != len(model.image_columns):
        raise Refused(
            422,
            f"{len(places)} files; this model takes {len(model.image_columns)} of one case, in the "
            f"order {names}.",
        )
    case = tuple(places)
    return GivenCase(places[0].name, read=lambda form: read_case(case, form))


def _cases_of(place: Path, model: Model | ExportedModel, limits: Limits) -> list[GivenCase]:
    shown = "series" if place.is_dir() else place.name
    # A table names files of this machine, which a client must not reach.
    if place.is_file() and place.suffix.lower() in (*TABLE_SUFFIXES, *OTHER_TABLES):
        raise Refused(415, f"{shown} is a table; send the images themselves.")
    if place.is_file() and zipfile.is_zipfile(place) and place.suffix.lower() == ".zip":
        place = _unpacked(place, limits)
    try:
        cases = list(given_cases(place, model))
    except (FileNotFoundError, UnreadableImageError, ValueError) as error:
        reason = str(error).replace(str(place), shown).replace(str(place.parent), shown)
        raise Refused(415, reason) from None
    if not place.is_dir():
        return [replace(one, id=shown) if len(cases) == 1 else one for one in cases]
    return [replace(one, id=_inside(shown, one.id)) for one in cases]


def _inside(archive: str, name: str) -> str:
    return archive if name in ("", ".", archive) else f"{archive}/{name}"


def _unpacked(archive: Path, limits: Limits) -> Path:
    """Unpack an archive beside it; what is read is counted, not what the archive says of itself."""
    folder = archive.parent / "unpacked"
    folder.mkdir()
    room = int(limits.unpacked_bytes)
    try:
        with zipfile.ZipFile(archive) as file:
            members = [one for one in file.infolist() if _is_wanted(one)]
            if len(members) > limits.files:
                raise Refused(
                    413, f"{len(members)} files in {archive.name}; at most {limits.files}."
                )
            for member in members:
                room -= _unpack(file, member, folder, room)
                if room < 0:
                    raise Refused(
                        413, f"{archive.name} unpacks to more than {limits.unpacked_mb:g} MB."
                    )
    except _DAMAGED as error:
        if of_the_disk(error):
            raise
        raise Refused(415, f"{archive.name} cannot be unpacked: {error}.") from None
    return folder


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    parts = member.filename.replace("\\", "/").split("/")
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    link = (member.external_attr >> 16) & 0o170000 == 0o120000
    return not (member.is_dir() or hidden or link)


def _unpack(file: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, room: int) -> int:
    """Write one file, flat names only inside the folder; return its bytes, or more than the room
    where it does not fit.
    """
    parts = [_plain_name(part) for part in member.filename.replace("\\", "/").split("/") if part]
    place = folder.joinpath(*parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with file.open(member) as source, place.open("wb") as target:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > room:
                return room + 1
            target.write(chunk)
    return written
