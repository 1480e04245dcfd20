from .decode_pool import check_jobs
from .deferred import DeferredImages
from .images import ImageSet, image_files, load_images
from .preview import preview_cohort
from .source_cohorts import SourceCohorts, load_listing

__all__ = [
    "DeferredImages",
    "ImageSet",
    "SourceCohorts",
    "check_jobs",
    "image_files",
    "load_images",
    "load_listing",
    "preview_cohort",
]
