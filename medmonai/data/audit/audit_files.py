"""An audit as files: everything as JSON, every pair of cases as CSV."""

from __future__ import annotations

from pathlib import Path

from medmonai.atomic_files import replacing, write_json
from medmonai.data.splits import csv_text

from .audit import Audit

PAIR_COLUMNS = ("finding", "set", "split", "id", "label", "group", "similarity")


def write_audit(audit: Audit, path: str | Path) -> tuple[Path, Path]:
    """Write an audit as NAME.json and NAME.csv, replacing older files; return their paths.

    The CSV has a row for each case of each finding. Cases of one "set" belong together, such as two
    near duplicates or all cases of a patient who is in two splits. "similarity" is the correlation
    of near duplicates.

    Args:
        audit: the audit to write.
        path: NAME, NAME.json or NAME.csv; any other dot, as in "set.v2", is part of the name.
    """
    path = Path(path)
    stem = path.stem if path.suffix.lower() in (".json", ".csv") else path.name
    files = path.with_name(f"{stem}.json"), path.with_name(f"{stem}.csv")
    write_json(audit.as_dict(), files[0])
    rows = [PAIR_COLUMNS]
    for finding in audit.findings:
        for number, entry in enumerate(finding.every(), start=1):
            similarity = f"{entry['similarity']:.4f}" if "similarity" in entry else ""
            rows += [
                (finding.kind, number, *case, entry.get("group", ""), similarity)
                for case in entry["cases"]
            ]
    with replacing(files[1], overwrite=True) as temporary:
        temporary.write_text(csv_text(rows), encoding="utf-8", newline="")
    return files
