from .image_table import list_image_table
from .recognition import COLUMN_OPTIONS, Recognized, recognize_columns
from .table_columns import TableLabels, check_column_names, labels_of
from .table_options import ImageFiles, TableColumns, TableFile
from .unlabeled_table import UnlabeledRow, UnlabeledTable, list_unlabeled_table

__all__ = [
    "COLUMN_OPTIONS",
    "ImageFiles",
    "Recognized",
    "TableColumns",
    "TableFile",
    "TableLabels",
    "UnlabeledRow",
    "UnlabeledTable",
    "check_column_names",
    "labels_of",
    "list_image_table",
    "list_unlabeled_table",
    "recognize_columns",
]
