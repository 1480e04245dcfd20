"""Which series a model answers: those of the kind that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from medmonai.data.containers import says_beside
from medmonai.deployment import Model

from .instances import Instance

_OF_CODES = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _")


@dataclass(frozen=True)
class Selection:
    """The kind of series that a model answers.

    Args:
        modalities: of DICOM, such as "CT".
        body_parts: of DICOM, such as "CHEST"; () for any. A series that states none is taken.
        spatial_dims: 3 for volumes, 2 for single images.
        most_images: single images of one series.
    """

    modalities: tuple[str, ...]
    _: KW_ONLY
    body_parts: tuple[str, ...] = ()
    spatial_dims: int
    most_images: int = 64

    @classmethod
    def of(
        cls, model: Model, *, modalities: Sequence[str] = (), body_parts: Sequence[str] = ()
    ) -> Selection:
        """Return what a model was trained on, from the record beside its weights.

        Args:
            model: a loaded model.
            modalities: instead of the recorded ones.
            body_parts: instead of the recorded ones.

        Raises:
            ValueError: no modality is recorded or given, or a model that needs more than one series
                for a case.
        """
        if model.covariates is not None:
            names = ", ".join(model.covariates.names)
            raise ValueError(
                f"this model takes {names} beside the image, which a series does not have; use "
                "`medmonai predict` with a table."
            )
        if model.image_columns:
            raise ValueError(
                f"a case of this model has several images ({', '.join(model.image_columns)}), and "
                "the node answers one series; use `medmonai predict` with a table."
            )
        seen = model.familiar
        recorded = () if seen is None else seen.modalities
        chosen = _capitals(modalities) or _capitals(recorded)
        if not chosen:
            raise ValueError(
                "the record of this model names no modality, as its training files were not DICOM; "
                "say which series to answer, such as --modality CT."
            )
        parts = _capitals(body_parts) or _capitals(() if seen is None else seen.body_parts)
        return cls(chosen, body_parts=parts, spatial_dims=len(model.form.spatial_size))

    def images(self, series: Sequence[Instance]) -> list[Instance]:
        """Return the instances of a series that are images of it: not a report, a document, a
        localizer or a secondary capture.

        Args:
            series: all of its instances.
        """
        return [one for one in series if "Rows" in one.header and not says_beside(one.header)]

    def refusal(self, series: Sequence[Instance], images: Sequence[Instance]) -> str:
        """Return why a series is not answered; "" where it is.

        Args:
            series: all of its instances.
            images: those of them that are images.
        """
        if not images:
            kinds = sorted({one.kind for one in series})
            return f"it holds no image: {', '.join(kinds)}"
        for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"):
            if len({str(one.header.get(name)) for one in images}) > 1:
                return f"its instances differ in {name}"
        given = sorted({one.modality for one in images})
        if not set(given) <= set(self.modalities):
            return f"modality {_code_strings(given)}; the model takes {', '.join(self.modalities)}"
        parts = {one.body_part for one in images} - {""}
        if self.body_parts and not parts <= set(self.body_parts):
            wanted = ", ".join(self.body_parts)
            return f"body part {_code_strings(sorted(parts))}; the model takes {wanted}"
        return self._refused_shape(images)

    def _refused_shape(self, images: Sequence[Instance]) -> str:
        frames = sum(one.frames for one in images)
        if self.spatial_dims == 3:
            return "" if frames > 1 else "it holds 1 slice; the model takes volumes"
        if frames > len(images):
            return f"it holds {frames} frames; the model takes single images"
        if len(images) > self.most_images:
            return (
                f"it holds {len(images)} images; the model takes single images, and a series of "
                f"more than {self.most_images} is taken for a volume"
            )
        return ""

    def remarks(self, images: Sequence[Instance]) -> list[str]:
        """Return what could not be checked, in phrases.

        Args:
            images: of the series.
        """
        unknown = self.body_parts and not any(one.body_part for one in images)
        return ["the series states no body part"] if unknown else []


def _code_strings(values: Sequence[str]) -> str:
    """Return values of a header for a log: what DICOM allows in a code (16 capitals, digits, spaces
    and underscores), and a question mark for all else, which may be anything.
    """
    shown = [
        "".join(c if c in _OF_CODES else "?" for c in value[:16]) or "none" for value in values[:5]
    ]
    return ", ".join(shown) + (f" and {len(values) - 5} more" if len(values) > 5 else "")


def _capitals(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip().upper() for name in names if name.strip()))
