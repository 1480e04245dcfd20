"""DICOM files that tests write: series, X-rays and files of several frames, with names that must
not turn up anywhere.
"""

from __future__ import annotations

import numpy as np

# Stands where scanners put names, numbers and dates. No part of it may be in anything that is made
# from the files.
SECRET = "Doe^Jane"
SERIES = "1.2.826.0.1.3680043.8.498.7001"
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def dataset(pixels, **tags):
    """A grey (rows, columns), several frames or RGB (rows, columns, 3) image, 16 bits, with rescale
    intercept -1024.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    found, meta = Dataset(), FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    found.file_meta, found.SOPClassUID = meta, CTImageStorage
    found.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid()
    found.PatientName, found.PatientID, found.InstitutionName = SECRET, SECRET, SECRET
    found.PatientBirthDate, found.StudyDate, found.SeriesInstanceUID = (
        "19700101",
        "20260101",
        SERIES,
    )
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    if pixels.ndim == 3 and not colour:
        found.NumberOfFrames = len(pixels)
    found.Rows, found.Columns = pixels.shape[:2] if colour or pixels.ndim == 2 else pixels.shape[1:]
    found.SamplesPerPixel = 3 if colour else 1
    found.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        found.PlanarConfiguration = 0
    bits = 8 * pixels.dtype.itemsize
    found.BitsAllocated, found.BitsStored, found.HighBit = bits, bits, bits - 1
    found.PixelRepresentation = int(pixels.dtype.kind == "i")
    found.Modality, found.PixelData = "CT", np.ascontiguousarray(pixels).tobytes()
    found["PixelData"].VR = "OB" if bits == 8 else "OW"
    for name, value in tags.items():
        setattr(found, name, value)
    return found


def save(found, path):
    found.save_as(path, enforce_file_format=True)
    return path


def write_series(folder, values, affine, *, change=lambda k, found: None, seed=0, **tags):
    """Write values (column, row, slice) in HU, lying where an affine (nibabel's world) says, a file
    a slice.

    Args:
        folder: created if missing; the names of the files do not follow the slices' order.
        values: whole numbers.
        affine: (4, 4) without shear.
        change: what else is done to slice k's tags.
        seed: of the names.
        tags: of all slices.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lps, names = _FLIP @ affine, np.random.default_rng(seed).permutation(values.shape[2])
    lengths = np.linalg.norm(lps[:3, :3], axis=0)
    for k in range(values.shape[2]):
        found = dataset(
            (values[:, :, k].T + 1024).astype(np.uint16), RescaleSlope=1, RescaleIntercept=-1024
        )
        found.ImagePositionPatient = [float(np.float32(v)) for v in lps[:3, 3] + k * lps[:3, 2]]
        found.ImageOrientationPatient = [
            float(v) for v in np.round([*lps[:3, 0] / lengths[0], *lps[:3, 1] / lengths[1]], 8)
        ]
        found.PixelSpacing = [float(lengths[1]), float(lengths[0])]
        for name, value in tags.items():
            setattr(found, name, value)
        if change(k, found) != "skip":
            save(found, folder / f"slice{names[k]:03d}.dcm")
    return folder


def write_enhanced(path, values, affine):
    """Write the same as one file of several frames, the places in functional groups, the frames in
    reverse order.
    """
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    def group(**tags):
        item = Dataset()
        for name, value in tags.items():
            setattr(item, name, value)
        return Sequence([item])

    lps = _FLIP @ affine
    lengths = np.linalg.norm(lps[:3, :3], axis=0)
    order = range(values.shape[2])[::-1]
    found = dataset((np.moveaxis(values, 2, 0).swapaxes(1, 2) + 1024).astype(np.uint16)[::-1])
    shared = Dataset()
    shared.PlaneOrientationSequence = group(
        ImageOrientationPatient=[
            float(v) for v in np.round([*lps[:3, 0] / lengths[0], *lps[:3, 1] / lengths[1]], 8)
        ]
    )
    shared.PixelMeasuresSequence = group(PixelSpacing=[float(lengths[1]), float(lengths[0])])
    frames = []
    for k in order:
        frame = Dataset()
        frame.PlanePositionSequence = group(
            ImagePositionPatient=[float(np.float32(v)) for v in lps[:3, 3] + k * lps[:3, 2]]
        )
        frame.PixelValueTransformationSequence = group(RescaleSlope=1, RescaleIntercept=-1024)
        frames.append(frame)
    found.SharedFunctionalGroupsSequence, found.PerFrameFunctionalGroupsSequence = (
        Sequence([shared]),
        Sequence(frames),
    )
    return save(found, path)
