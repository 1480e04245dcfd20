from .cells import identifiers, same_name, tidy
from .metadata import read_metadata
from .numbers import decimal_mark, number_of, numbers_of
from .spreadsheet import WORKBOOKS
from .text_table import OTHER_TABLES, TABLE_SUFFIXES, TextTable, read_text_table

__all__ = [
    "OTHER_TABLES",
    "TABLE_SUFFIXES",
    "WORKBOOKS",
    "TextTable",
    "decimal_mark",
    "identifiers",
    "number_of",
    "numbers_of",
    "read_metadata",
    "read_text_table",
    "same_name",
    "tidy",
]
