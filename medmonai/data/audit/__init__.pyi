from .audit import Audit
from .audit_files import write_audit
from .auditing import audit_cohorts
from .confounding import HeaderFinding, header_findings
from .leakage import check_leakage, require_no_leakage

__all__ = [
    "Audit",
    "HeaderFinding",
    "audit_cohorts",
    "check_leakage",
    "header_findings",
    "require_no_leakage",
    "write_audit",
]
