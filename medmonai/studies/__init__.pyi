from .cell import Cell
from .cells import plan_cells
from .commands import run_study
from .definition import Study, read_study
from .pools import Resources
from .status import status_lines
from .summary_command import write_study_summary

__all__ = [
    "Cell",
    "Resources",
    "Study",
    "plan_cells",
    "read_study",
    "run_study",
    "status_lines",
    "write_study_summary",
]
