"""What the headers of the files say: modality, orientation, and fields that go with the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medmonai.data.audit import HeaderFinding, header_findings
from medmonai.data.class_names import folded
from medmonai.data.datalist import Listing
from medmonai.data.files import Headers, acquisition

_MOST = 600  # files whose header is read again, spread over the classes
_LINES = 5  # fields that are listed
_MODALITIES = {
    "CT": "CT",
    "MR": "MR",
    "PT": "PET",
    "NM": "nuclear medicine",
    "US": "ultrasound",
    "IVUS": "ultrasound",
    "CR": "X-ray",
    "DX": "X-ray",
    "RG": "X-ray",
    "PX": "X-ray",
    "IO": "X-ray",
    "MG": "mammography",
    "XA": "angiography",
    "RF": "fluoroscopy",
    "SM": "slide microscopy",
    "GM": "microscopy",
    "XC": "photograph",
    "ES": "endoscopy",
    "OP": "ophthalmic photograph",
    "OPT": "optical coherence tomography",
    "OCT": "optical coherence tomography",
}
# What people and programs write where a label is not known.
_MISSING = {
    *("unknown", "unk", "undetermined", "indeterminate", "not known", "unbekannt", "unclear"),
    *("missing", "not available", "not done", "pending", "tbd", "todo", "?", "??", "-", "--", "."),
    *("-1", "-9", "-99", "-999", "99", "999", "9999"),
}
# Words for the two answers to one question.
_YES = {"yes", "y", "true", "1", "positive", "pos", "+", "ja", "j", "oui", "si", "present"}
_NO = {"no", "n", "false", "0", "negative", "neg", "-", "nein", "non", "absent"}


@dataclass(frozen=True)
class Evidence:
    """What the headers of some files say.

    Args:
        files: whose headers were read.
        formats: format -> files.
        modalities: modality, as DICOM files state it -> files; {} where no file states one.
        cameras: camera, as EXIF states it -> files.
        orientations: axes of a volume, as NIfTI states them -> files.
        findings: fields that go with the class, the strongest first.
        codes: each Modality that DICOM files state, as it stands there.
        body_parts: each BodyPartExamined, likewise.
    """

    files: int
    formats: Mapping[str, int]
    modalities: Mapping[str, int]
    cameras: Mapping[str, int]
    orientations: Mapping[str, int]
    findings: tuple[HeaderFinding, ...]
    codes: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()

    def modality(self, *, spatial_dims: int, colored: Sequence[bool], hounsfield: bool) -> str:
        """Return what the images are, no more certain than the evidence.

        Args:
            spatial_dims: 2 or 3.
            colored: whether images are in color: (False,), (True,) or both.
            hounsfield: whether the gray values look like those of a CT.
        """
        units = ", values as in Hounsfield units" if hounsfield else ""
        if self.modalities:
            stated = sum(self.modalities.values())
            rest = f"; {self.files - stated} files state none" if stated < self.files else ""
            if set(self.modalities) == {"CT"} and not hounsfield:
                units = ", but the values are not those of Hounsfield units"
            return f"{_counted(self.modalities)} (DICOM Modality){units}{rest}"
        if self.cameras:
            return f"photographs (EXIF names a camera: {_counted(self.cameras)})"
        if hounsfield:
            return "not stated; values below -500 look like Hounsfield units (CT)"
        if len(colored) > 1:
            what = "gray and color images together"
        elif True in colored:
            what = "color images (photographs, endoscopy, slides: cannot be told)"
        elif spatial_dims == 3:
            what = "volumes without the values of a CT in Hounsfield units"
        else:
            what = "gray images (X-ray, ultrasound, single slices: cannot be told)"
        return f"not stated; {what}"

    def lines(self) -> list[str]:
        """Return formats, orientations and the fields that go with the class."""
        lines = [f"formats: {_counted(self.formats)}"] if len(self.formats) > 1 else []
        if self.orientations:
            lines.append(f"orientation: {_counted(self.orientations)}")
        shown = self.findings[:_LINES]
        more = len(self.findings) - len(shown)
        lines += [f"warning: {finding.line()}" for finding in shown]
        if more:
            lines.append(f"warning: {more} more header fields go with the class")
        if shown:
            lines.append(
                "warning: a network may learn the device or the file instead of the disease, and "
                "no split of these images would show it. Take both classes from the same devices "
                "and formats, or test on images where this does not differ."
            )
        return lines


def mixed_bits(headers: Headers | None) -> list[str]:
    """Return a warning where one range of gray values is applied to 8 bits and to more."""
    kinds = {} if headers is None else headers.kinds
    few = sum(n for kind, n in kinds.items() if kind.bits <= 8)
    total = sum(kinds.values())
    if few in (0, total):
        return []
    return [
        f"warning: {few} of {total} images hold 8 bits and the others more; one range of gray "
        "values is applied to all of them, in which the former may be nearly black. Keep one kind, "
        "or convert them to the same scale."
    ]


def doubtful_classes(class_names: Sequence[str]) -> list[str]:
    """Return warnings where the name of a class may stand for a missing label, and where several
    names may stand for one class.

    Example:
        >>> doubtful_classes(["benign", "malignant", "unknown"])
        ["warning: class 'unknown' may stand for a missing label; if so, leave its cases out"]
        >>> doubtful_classes(["no", "yes", "1"])
        ["warning: classes 'yes', '1' may be one class; if so, give them one name"]
    """
    # "-" beside "+" is an answer
    answers = {"-"} if "+" in class_names else set()
    doubtful = [name for name in class_names if folded(name) in _MISSING - answers]
    told = [
        f"warning: class {name!r} may stand for a missing label; if so, leave its cases out"
        for name in doubtful
    ]
    for words in (_YES, _NO):
        same = [repr(name) for name in class_names if folded(name) in words - set(doubtful)]
        if len(same) > 1:
            told.append(
                f"warning: classes {', '.join(same)} may be one class; if so, give them one name"
            )
    return told


def one_label_each(listing: Listing) -> list[str]:
    """Return a warning where every case has exactly one label: they are classes, one-hot."""
    if listing.task.exclusive or (listing.labels.sum(axis=1) != 1).any():
        return []
    return [
        f"warning: every case has exactly one of the {listing.task.num_classes} labels; if they "
        "are classes, give one column with the name or number of the class"
    ]


def evidence(listing: Listing, *, seed: int = 0) -> Evidence:
    """Read the headers of at most 600 files outside the test split, spread over the classes.

    Args:
        listing: the cases.
        seed: of the choice of files.

    Raises:
        ImportError: a DICOM file, and pydicom is not installed.
    """
    rows = _chosen(listing, seed)
    facts = [acquisition(listing.files[row]) for row in rows]

    def counts(field: str) -> dict[str, int]:
        return dict(Counter(one[field] for one in facts if field in one).most_common())

    modalities: Counter[str] = Counter()
    for code, n in counts("Modality").items():
        modalities[_MODALITIES.get(code, code)] += n
    findings = header_findings(
        facts,
        listing.labels[rows],
        task=listing.task,
        class_names=listing.class_names,
        groups=None if listing.groups is None else np.asarray(listing.groups)[rows],
        seed=seed,
    )
    return Evidence(
        len(facts),
        formats=counts("format"),
        modalities=dict(modalities.most_common()),
        cameras=counts("camera"),
        orientations=counts("orientation"),
        findings=findings,
        codes=tuple(sorted(counts("Modality"))),
        body_parts=tuple(sorted(counts("BodyPartExamined"))),
    )


def _chosen(listing: Listing, seed: int) -> np.ndarray:
    """Return rows outside the test split, as many of each class as there are up to a limit."""
    rows = np.arange(len(listing))
    if listing.splits is not None:
        rows = np.flatnonzero(listing.splits != "test")
    rng = np.random.default_rng(seed)
    rows = rng.permutation(rows)
    if len(rows) <= _MOST:
        return np.sort(rows)
    if not listing.task.exclusive:
        return np.sort(rows[:_MOST])
    labels = listing.labels[rows]
    share = _MOST // len(np.unique(labels))
    return np.sort(np.concatenate([rows[labels == c][:share] for c in np.unique(labels)]))


def _counted(counts: Mapping[str, int]) -> str:
    shown: Sequence[tuple[str, int]] = list(counts.items())
    if len(shown) == 1:
        return shown[0][0]
    listed = ", ".join(f"{name} {n:,}" for name, n in shown[:_LINES])
    return listed + (" and others" if len(shown) > _LINES else "")
