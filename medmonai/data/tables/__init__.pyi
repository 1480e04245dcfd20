from .image_table import list_image_table
from .table_columns import check_column_names

__all__ = [
    "check_column_names",
    "list_image_table",
]
