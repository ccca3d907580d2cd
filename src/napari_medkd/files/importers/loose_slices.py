"""DICOM slices that lie loose where each file would be taken for an image of its own, or for none."""

from collections.abc import Sequence
from pathlib import Path

from napari_medkd.core.errors import DatasetProblem, VolumeProblem
from napari_medkd.files.dicom_folder import NAMED_SUFFIXES, is_dicom
from napari_medkd.files.opening import suffix_of

_LOOKED_AT = 8


class LooseSlices(DatasetProblem):
    """The folder is no dataset, but an image, or several."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            str(folder),
            "The folder holds loose slices of a DICOM series; expected an image for each case.",
            "Open it as an image; for a dataset, put the slices of each case into a folder of its own, and choose the "
            "folder that holds those.",
        )


def refuse_loose_slices(files: Sequence[Path]) -> None:
    """Refuse files of which two are slices of one DICOM series; the first few tell.

    Raises
    ------
    LooseSlices
        Naming the folder, with how to lay the files out.
    """
    loose = [path for path in files if suffix_of(path) in NAMED_SUFFIXES and path.is_file()][:_LOOKED_AT]
    series = [uid for path in loose for uid in _series_of_slice(path)]
    if len(set(series)) < len(series):
        raise LooseSlices(loose[0].parent)


def refuse_slices_without_suffix(folder: Path) -> None:
    """Refuse a folder in which DICOM lies whose names do not say so, as scanners write it.

    Raises
    ------
    LooseSlices
        As `refuse_loose_slices`.
    """
    nameless = (path for path in sorted(folder.iterdir()) if path.is_file() and not suffix_of(path))
    if any(is_dicom(path) for path in nameless):
        raise LooseSlices(folder)


def _series_of_slice(path: Path) -> set[str]:
    """Return the UID of the series that a slice in space belongs to; none of other files, which the check names."""
    from napari_medkd.files.dicom_header import read_slices

    try:
        return {one.origin.series for one in read_slices(path) if one.position is not None}
    except VolumeProblem:
        return set()
