from .deferred import DeferredImages
from .images import ImageSet, load_images
from .preview import preview_cohort
from .source_cohorts import SourceCohorts, load_listing

__all__ = [
    "DeferredImages",
    "ImageSet",
    "SourceCohorts",
    "load_images",
    "load_listing",
    "preview_cohort",
]
