from .image_table import list_image_table
from .table_columns import check_column_names
from .table_options import ImageFiles, TableColumns, TableFile

__all__ = [
    "ImageFiles",
    "TableColumns",
    "TableFile",
    "check_column_names",
    "list_image_table",
]
