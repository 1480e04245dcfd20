from .comparison_of_files import compare_files, compare_paths
from .evaluation import NOT_CLINICAL, Evaluation, check_apart, evaluate
from .evaluation_lines import describe_evaluation
from .evaluation_of_files import evaluate_files, holds_evaluation
from .figure_material import ComparedModels, EvaluatedTable, ExplainedCases, FinishedRun
from .figures import FIGURES, ReportFigure, drawn_figures, write_figures
from .fit_section import command_of_fit
from .latex import latex_table, write_latex
from .model_comparison import comparison_section, comparison_table, write_comparison
from .page import policy_hash
from .results import evaluation_figures, remove_evaluation, write_decision, write_evaluation
from .table_files import read_table
from .tables import Table, split_tables
from .wording import interval
from .write import write_report

__all__ = [
    "FIGURES",
    "NOT_CLINICAL",
    "ComparedModels",
    "EvaluatedTable",
    "Evaluation",
    "ExplainedCases",
    "FinishedRun",
    "ReportFigure",
    "Table",
    "check_apart",
    "command_of_fit",
    "compare_files",
    "compare_paths",
    "comparison_section",
    "comparison_table",
    "describe_evaluation",
    "drawn_figures",
    "evaluate",
    "evaluate_files",
    "evaluation_figures",
    "holds_evaluation",
    "interval",
    "latex_table",
    "policy_hash",
    "read_table",
    "remove_evaluation",
    "split_tables",
    "write_comparison",
    "write_decision",
    "write_evaluation",
    "write_figures",
    "write_latex",
    "write_report",
]
