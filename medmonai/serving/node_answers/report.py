"""The report of a node: a Structured Report by template 1500, written with highdicom."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from medmonai import __version__
from medmonai.deployment import Model, PredictedCase
from medmonai.report import NOT_CLINICAL

from .instances import Instance

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept, MeasurementsAndQualitativeEvaluations
    from pydicom import Dataset

MANUFACTURER = "medmonai"
# Codes of this software, for what no dictionary has: classes, and their probabilities.
_SCHEME = "99MEDMONAI"
_LONGEST_MEANING = 64
_REPORT_SERIES = 9901
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://medmonai/dicom_node")
# What was done, by modality: CID 100.
_PROCEDURES = {
    "CT": "CTUnspecifiedBodyRegion",
    "MR": "MRIUnspecifiedBodyRegion",
    "PT": "PETUnspecifiedBodyRegion",
    "NM": "NMUnspecifiedBodyRegion",
    **dict.fromkeys(("CR", "DX", "RG", "MG", "PX", "IO"), "XRUnspecifiedBodyRegion"),
}


@dataclass(frozen=True)
class Identity:
    """What identifies a model in its results.

    Args:
        name: of the model.
        version: of its weights, threshold and preparation: 16 hexadecimal digits.
        details: further facts, name -> text.
    """

    name: str
    _: KW_ONLY
    version: str
    details: Mapping[str, str]

    @classmethod
    def of(cls, model: Model, about: Mapping[str, Any]) -> Identity:
        """Return the identity of a loaded model.

        Args:
            model: the model.
            about: what `medmonai.deployment.about_model` says of it.
        """
        content = [
            about["weights_sha256"],
            model.point.as_dict(),
            model.temperature.as_dict(),
            model.form.as_dict(),
            list(model.class_names),
        ]
        text = json.dumps(content, sort_keys=True)
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        names = ("medmonai_version", "weights_sha256", "training_data_sha256", "intended_use")
        return cls(
            str(about["name"]),
            version=version,
            details={name: str(about[name]) for name in names},
        )

    def uid(self, *of: str) -> str:
        """Return the UID of a result, the same whenever it is derived.

        Args:
            *of: what it is the result of, such as the UID of a series and "report".
        """
        name = "/".join([self.version, *of])
        return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"


@dataclass(frozen=True, eq=False)
class Answered:
    """A case of the report.

    Args:
        predicted: what the model said.
        images: that it was shown.
    """

    predicted: PredictedCase
    images: Sequence[Instance]


def structured_report(cases: Sequence[Answered], model: Model, identity: Identity) -> Dataset:
    """Return the report on a series (Comprehensive SR, TID 1500).

    Each case is a measurement group (TID 1501): the probability of each class, the spread, the
    decision, the algorithm (TID 4019), the images, and as comments the flags, the threshold and
    that this is research software. Classes have codes of the scheme 99MEDMONAI, numbered as in the
    model; their names are the meanings.

    Args:
        cases: of one series.
        model: that answered.
        identity: names it.
    """
    from highdicom import ContentQualificationValues
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import ComprehensiveSR, MeasurementReport, ObservationContext

    images = [image.header for case in cases for image in case.images]
    first = cases[0].images[0]
    series = str(first.header.SeriesInstanceUID)
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(identity)),
        procedure_reported=_procedure(first.modality),
        imaging_measurements=[_group(case, model, identity) for case in cases],
    )
    return ComprehensiveSR(
        evidence=images,
        content=content,
        series_instance_uid=identity.uid(series, "reports"),
        series_number=_REPORT_SERIES,
        series_description=f"{MANUFACTURER}: {NOT_CLINICAL}"[:_LONGEST_MEANING],
        sop_instance_uid=identity.uid(series, "report"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=identity.name[:_LONGEST_MEANING],
        software_versions=f"medmonai {__version__}, model {identity.version}",
        is_complete=True,
        specific_character_set="ISO_IR 192",
        content_qualification=ContentQualificationValues.RESEARCH,
        coding_schemes=[CodingSchemeIdentificationItem(_SCHEME, name="medmonai: classes")],
    )


def _observer(identity: Identity) -> Any:
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
    from pydicom.sr.codedict import codes

    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=identity.uid("device"),
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=identity.name,
            serial_number=identity.version,
        ),
    )


def _procedure(modality: str) -> Any:
    from pydicom.sr.codedict import codes

    name = _PROCEDURES.get(modality)
    return getattr(codes.LN, name) if name else codes.SCT.ImagingProcedure


def _group(
    case: Answered, model: Model, identity: Identity
) -> MeasurementsAndQualitativeEvaluations:
    from highdicom.sr import (
        AlgorithmIdentification,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
        RelationshipTypeValues,
        SourceImageForMeasurementGroup,
        TextContentItem,
        TrackingIdentifier,
    )
    from pydicom.sr.codedict import codes

    predicted = case.predicted
    images = [one.header for one in case.images]
    unit = codes.UCUM.NoUnits
    measured = {
        own_code(f"PROBABILITY_{c}", f"Probability of {name}"): value
        for c, (name, value) in enumerate(zip(model.class_names, predicted.probabilities))
    }
    if len(model.members) > 1:
        measured[own_code("SPREAD", "Standard deviation of the probability, networks")] = (
            predicted.spread
        )
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=identity.uid(str(images[0].SOPInstanceUID), "tracking"), identifier="1"
        ),
        algorithm_id=AlgorithmIdentification(
            name=identity.name,
            version=identity.version,
            parameters=[f"{name}: {text}" for name, text in identity.details.items()],
            manufacturer=MANUFACTURER,
        ),
        measurements=[Measurement(name, round(value, 6), unit) for name, value in measured.items()],
        qualitative_evaluations=[
            QualitativeEvaluation(own_code("DECISION", "Decision"), decision)
            for decision in _decisions(predicted, model)
        ],
        source_images=[SourceImageForMeasurementGroup.from_source_image(one) for one in images],
    )
    for text in _comments(predicted, model):
        comment = TextContentItem(codes.DCM.Comment, text, RelationshipTypeValues.CONTAINS)
        group[0].ContentSequence.append(comment)
    return group


def _decisions(predicted: PredictedCase, model: Model) -> list[CodedConcept]:
    """Return the classes that were decided; of several labels perhaps none."""
    names = model.class_names
    if model.task.exclusive:
        chosen = [names.index(predicted.decision)]
    else:
        chosen = _joined(names, predicted.decision, 0) or []
    codes = [own_code(f"CLASS_{c}", names[c]) for c in chosen]
    return codes or [own_code("NONE", "None of the labels")]


def _joined(names: Sequence[str], text: str, first: int) -> list[int] | None:
    """Return the numbers of the labels, from `first` on, that "; " joins to a text; None where none
    do. A label may hold "; " itself.
    """
    for c in range(first, len(names)):
        if text == names[c]:
            return [c]
        if text.startswith(f"{names[c]}; "):
            others = _joined(names, text[len(names[c]) + 2 :], c + 1)
            if others is not None:
                return [c, *others]
    return None


def _comments(predicted: PredictedCase, model: Model) -> list[str]:
    point = model.point
    thresholds = ", ".join(f"{value:.4g}" for value in point.thresholds)
    said = [NOT_CLINICAL]
    if thresholds:
        said.append(
            f"Threshold {thresholds} on the scores before calibration, chosen on "
            f"{'no data' if point.chosen_on == 'none' else f'{point.n} cases ({point.chosen_on})'}."
        )
    if model.temperature.chosen_on == "none":
        said.append("The probabilities were not calibrated on any data.")
    said.append(f"Flags: {predicted.flag}." if predicted.flag else "Flags: none.")
    return said


def own_code(value: str, meaning: str) -> CodedConcept:
    """Return a code of the scheme 99MEDMONAI; a meaning has at most 64 characters.

    Args:
        value: of the code, at most 16 characters.
        meaning: in words.
    """
    from highdicom.sr import CodedConcept

    return CodedConcept(value, _SCHEME, meaning[:_LONGEST_MEANING])
