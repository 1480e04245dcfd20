from .description import ImageStatistics, SplitDescription, describe_split, image_statistics
from .source import completed_options, decoded, listing_call, open_source, require_switch
from .source_description import SourceDescription, describe_cohorts, describe_listing
from .unlabeled_source import open_unlabeled_table

__all__ = [
    "ImageStatistics",
    "SourceDescription",
    "SplitDescription",
    "completed_options",
    "decoded",
    "describe_cohorts",
    "describe_listing",
    "describe_split",
    "image_statistics",
    "listing_call",
    "open_source",
    "open_unlabeled_table",
    "require_switch",
]
