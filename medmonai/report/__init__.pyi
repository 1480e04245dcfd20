from .commands import compare_files, compare_paths, evaluate_files, read_table
from .comparison import comparison_section, comparison_table, write_comparison
from .evaluation import NOT_CLINICAL, Evaluation, check_apart, evaluate
from .evaluation_lines import describe_evaluation
from .latex import latex_table, write_latex
from .results import evaluation_figures, remove_evaluation, write_decision, write_evaluation
from .tables import Table, split_tables
from .write import write_report

__all__ = [
    "NOT_CLINICAL",
    "Evaluation",
    "Table",
    "check_apart",
    "compare_files",
    "compare_paths",
    "comparison_section",
    "comparison_table",
    "describe_evaluation",
    "evaluate",
    "evaluate_files",
    "evaluation_figures",
    "latex_table",
    "read_table",
    "remove_evaluation",
    "split_tables",
    "write_comparison",
    "write_decision",
    "write_evaluation",
    "write_latex",
    "write_report",
]
