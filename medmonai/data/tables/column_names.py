"""What the name of a table's column says about its content: patients, classes, or neither."""

from __future__ import annotations

import re

_PATIENT = {
    *("patient", "patients", "patienten", "pat", "subject", "participant", "person", "proband"),
    *("mrn", "pid", "paciente", "paziente", "sujet", "sujeto"),
}
# Parts of a patient, or visits: their images are from one patient, too.
_PART = {
    *("lesion", "study", "case", "exam", "examination", "visit", "accession", "nodule", "slide"),
    *("eye", "breast", "fall"),
}
_FOLD = {"fold", "folds", "kfold"}
_SPLIT = {"split", "splits", "set", "subset", "partition", "phase"}
_NUMBER = {
    *("id", "ids", "nr", "no", "num", "number", "nummer", "code", "key", "uid", "hash", "name"),
    *("pseudonym", "idx", "index"),
}
_CLASS = {
    *("label", "labels", "class", "classes", "target", "dx", "diagnosis", "diagnose", "diagnoses"),
    *("diagnostic", "outcome", "category", "klasse", "gt", "truth", "finding", "findings"),
    *("befund", "grade", "grading", "score", "stage", "type", "subtype", "severity", "malignant"),
    *("malignancy", "benign", "disease", "pathology", "histology", "result", "status", "y"),
    *("birads", "gleason", "annotation", "response", "tumor", "tumour", "cancer"),
}
# dx_type, label_date and label_confidence are about dx and label.
_ABOUT = {"type", "method", "source", "date", "time", "confidence", "comment", "notes", "by", "id"}
# Seldom what somebody wants to predict where a table has anything else.
_COVARIATE = {
    *(
        "age",
        "sex",
        "gender",
        "race",
        "ethnicity",
        "site",
        "hospital",
        "centre",
        "center",
        "clinic",
    ),
    *("scanner", "device", "vendor", "manufacturer", "model", "machine", "camera", "view"),
    *("position", "side", "laterality", "localization", "localisation", "location", "body"),
    *("region", "organ", "date", "year", "month", "time", "modality", "sequence", "protocol"),
    *("fold", "split", "set", "subset", "partition", "width", "height", "rows", "columns"),
    *("smoker", "smoking", "weight", "bmi", "quality", "kvp", "clinic", "dataset", "index"),
}


def words_of(name: str) -> list[str]:
    """Return the words of a column's name in lower case, without numbers.

    Example:
        >>> words_of("PatientID"), words_of("dx_type 2")
        (['patient', 'id'], ['dx', 'type'])
    """
    parts = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", name)
    words = re.findall(r"[^\W\d_]+", parts.lower())
    return [part for word in words for part in _divided(word)]


def _divided(word: str) -> list[str]:
    """Return "patientid" as "patient", "id"."""
    for suffix in ("id", "nr", "no", "number", "nummer"):
        stem = word.removesuffix(suffix)
        if stem != word and stem in _PATIENT | _PART:
            return [stem, suffix]
    return [word]


def names_patients(name: str) -> bool:
    """Return whether a column is named for patients.

    Example:
        >>> [n for n in ("patient_id", "Subject", "patient age", "lesion_id") if names_patients(n)]
        ['patient_id', 'Subject']
    """
    words = set(words_of(name))
    return bool(words & _PATIENT) and words <= _PATIENT | _NUMBER


def names_parts(name: str) -> bool:
    """Return whether a column is named for numbers of lesions, studies or visits.

    Example:
        >>> [n for n in ("lesion_id", "StudyID", "study", "image_id") if names_parts(n)]
        ['lesion_id', 'StudyID']
    """
    words = set(words_of(name))
    return bool(words & _PART) and bool(words & _NUMBER) and words <= _PART | _NUMBER


def names_classes(name: str, others: list[str]) -> bool:
    """Return whether a column is named for classes.

    Args:
        name: of the column.
        others: names of the other columns; "dx_type" is about "dx" where there is one.

    Example:
        >>> names_classes("dx_type", ["dx"]), names_classes("dx_type", [])
        (False, True)
    """
    words = words_of(name)
    about = len(words) > 1 and words[-1] in _ABOUT
    if about and words[:-1] in [words_of(other) for other in others]:
        return False
    return bool(set(words) & _CLASS)


def names_splits(name: str) -> bool:
    """Return whether a column is named for splits.

    Example:
        >>> names_splits("data_split"), names_splits("dx")
        (True, False)
    """
    return bool(set(words_of(name)) & _SPLIT)


def names_folds(name: str) -> bool:
    """Return whether a column is named for the folds of a cross-validation.

    Example:
        >>> names_folds("Fold"), names_folds("split")
        (True, False)
    """
    return bool(set(words_of(name)) & _FOLD)


def names_numbers(name: str) -> bool:
    """Return whether a column is named for a number of something, whatever it is.

    Example:
        >>> [n for n in ("hospital nr", "specimen_id", "age") if names_numbers(n)]
        ['hospital nr', 'specimen_id']
    """
    return bool(set(words_of(name)) & _NUMBER)


def names_covariate(name: str) -> bool:
    """Return whether a column is named for what is known of a patient or of the acquisition.

    Example:
        >>> names_covariate("Patient sex"), names_covariate("dx")
        (True, False)
    """
    return bool(set(words_of(name)) & _COVARIATE)
