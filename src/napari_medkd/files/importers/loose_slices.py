"""DICOM slices that lie loose where each file would be taken for an image of its own."""

from collections.abc import Sequence
from pathlib import Path

from napari_medkd.core.errors import DatasetProblem, VolumeProblem
from napari_medkd.files.opening import suffix_of

_LOOKED_AT = 8


def refuse_loose_slices(files: Sequence[Path]) -> None:
    """Refuse files of which two are slices of one DICOM series; the first few tell.

    Raises
    ------
    DatasetProblem
        Naming the folder, with how to lay the files out.
    """
    loose = [path for path in files if suffix_of(path) == ".dcm" and path.is_file()][:_LOOKED_AT]
    series = [uid for path in loose for uid in _series_of_slice(path)]
    if len(set(series)) < len(series):
        raise DatasetProblem(
            str(loose[0].parent),
            "The folder holds loose slices of a DICOM series; expected an image for each case.",
            "Put the slices of each case into a folder of its own, and choose the folder that holds those.",
        )


def _series_of_slice(path: Path) -> set[str]:
    """Return the UID of the series that a slice in space belongs to; none of other files, which the check names."""
    from napari_medkd.files.dicom_header import read_slices

    try:
        return {one.origin.series for one in read_slices(path) if one.position is not None}
    except VolumeProblem:
        return set()
