from .deferred import DeferredImages
from .image_cache import SourceCohorts, load_listing
from .images import ImageSet, load_images
from .preview import preview_cohort

__all__ = [
    "DeferredImages",
    "ImageSet",
    "SourceCohorts",
    "load_images",
    "load_listing",
    "preview_cohort",
]
