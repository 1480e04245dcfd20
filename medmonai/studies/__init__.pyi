from .cells import Cell, plan_cells
from .commands import run_study, summarize
from .definition import Study, read_study
from .status import status_lines

__all__ = ["Cell", "Study", "plan_cells", "read_study", "run_study", "status_lines", "summarize"]
