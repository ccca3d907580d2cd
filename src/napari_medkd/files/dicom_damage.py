"""Which series a DICOM file that cannot be read would have been a slice of."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.files.dicom_header import translated_damage
from napari_medkd.files.dicom_slice import Slice

_SERIES = Tag("SeriesInstanceUID")


def by_series(damaged: Mapping[Path, Sequence[Problem]], slices: Iterable[Slice]) -> dict[str, tuple[Problem, ...]]:
    """Return the problems of damaged files by the UID of the series they are of; under "" where that is unknown.

    A file is of the series that its header names, else of the only one whose slices lie in its folder.
    """
    beside: dict[Path, set[str]] = {}
    for one in slices if damaged else ():
        beside.setdefault(one.origin.file.parent, set()).add(one.origin.series)
    found: dict[str, tuple[Problem, ...]] = {}
    for file, problems in damaged.items():
        neighbours = beside.get(file.parent, set())
        series = _own_series(file) or (min(neighbours) if len(neighbours) == 1 else "")
        found[series] = (*found.get(series, ()), *problems)
    return found


def _own_series(file: Path) -> str:
    """Return the UID of the series that stands in a header, "" where damage is before or in it."""
    goes_on = False

    def is_behind(tag: BaseTag, *_: object) -> bool:
        nonlocal goes_on
        goes_on = bool(tag > _SERIES)
        return goes_on

    try:
        with translated_damage(file), file.open("rb") as content:
            found = read_partial(content, stop_when=is_behind, specific_tags=[_SERIES]).get("SeriesInstanceUID")
    except VolumeProblem:
        return ""
    return str(found or "") if goes_on else ""  # at the end of the file it may be half a UID
