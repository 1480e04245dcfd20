from .audit import Audit
from .audit_files import write_audit
from .auditing import audit_cohorts
from .leakage import check_leakage, require_no_leakage

__all__ = [
    "Audit",
    "audit_cohorts",
    "check_leakage",
    "require_no_leakage",
    "write_audit",
]
