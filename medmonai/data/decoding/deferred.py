"""Images that are read on first use, so that a config can be built and checked without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from medmonai.data.encoded_covariates import CovariateTable
from medmonai.data.image_form import ImageForm

from .images import ImageSet, load_images


class DeferredImages:
    """The `ImageSet` of a path, read by `load_images` on first use.

    MONAI's `check_properties()` builds the data set and the evaluator of an inference config.
    Neither needs the images until the evaluator runs.

    Args:
        path: a folder or a file; it need not exist yet.
        form: what every image becomes.
        image_column: columns of a table with the files of each channel, see `load_images`.
        covariates: of the images, for a network that takes them, as a `CovariateTable` or a
            dictionary of its fields.

    Raises:
        TypeError, ValueError: a form that `ImageForm` rejects.
        FileNotFoundError: on first use, if there is no image at the path. Other errors of
            `load_images` also appear then.

    Example:
        >>> images = DeferredImages("nowhere", ImageForm((28, 28), in_channels=1))
        >>> len(images)  # doctest: +NORMALIZE_WHITESPACE
        Traceback (most recent call last):
        ...
        FileNotFoundError: nowhere does not exist; give an image, a folder of images, a DICOM
            series, an npz file or a table (CSV, .xlsx).
    """

    deferred = True  # what a loader checks before it looks at the images

    def __init__(
        self,
        path: str | Path,
        form: ImageForm | Mapping[str, Any],
        *,
        image_column: Sequence[str] | None = None,
        covariates: CovariateTable | Mapping[str, Any] | None = None,
    ) -> None:
        self._path = path
        self._columns = image_column
        self._form = ImageForm.of(form, argument="form")
        self._covariates = (
            None if covariates is None else CovariateTable.of(covariates, argument="covariates")
        )

    @cached_property
    def _read(self) -> ImageSet:
        images = load_images(self._path, self._form, image_column=self._columns)
        if self._covariates is None:
            return images
        return replace(images, covariates=self._covariates.encoded(images.ids))

    def __len__(self) -> int:
        return len(self._read)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # looked up by copy and pickle before the path is set
            raise AttributeError(name)
        return getattr(self._read, name)

    def __repr__(self) -> str:
        return (
            f"DeferredImages({str(self._path)!r})"
            if "_read" not in self.__dict__
            else repr(self._read)
        )
