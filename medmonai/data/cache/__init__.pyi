from .contents import CacheEntry, clear_cache, list_cache
from .expansion import expanded, expansion_identity
from .location import (
    cache_folder,
    file_claim,
    intact,
    read_note,
    room_for,
    size_text,
    writable_cache,
    write_note,
)

__all__ = [
    "CacheEntry",
    "cache_folder",
    "clear_cache",
    "expanded",
    "expansion_identity",
    "file_claim",
    "intact",
    "list_cache",
    "read_note",
    "room_for",
    "size_text",
    "writable_cache",
    "write_note",
]
