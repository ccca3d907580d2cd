"""The series that DICOM files hold, found without reading a pixel.

What DICOM calls a series may hold several images: localizers of several directions, the echoes of one scan. Such a
series is split into parts, each of one size and direction and with one slice at each position where that can be had,
and every part is listed like a series.
"""

import datetime
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations
from pathlib import Path

import numpy as np

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.words import count
from napari_medkd.files.dicom_damage import by_series
from napari_medkd.files.dicom_folder import dicom_files
from napari_medkd.files.dicom_geometry import in_order, most_at_one_place, spacing_of
from napari_medkd.files.dicom_header import read_slices
from napari_medkd.files.dicom_slice import Slice, Vector
from napari_medkd.files.giving_up import go_on_if_wanted

_KEY_LENGTH = 8
_MOST_TRAITS_TOGETHER = 3
_SAME_DIRECTION = 2e-3
_SAME_SIZE = 1e-3  # mm


@dataclass(frozen=True, slots=True)
class Series:
    """One image that can be opened.

    Parameters
    ----------
    key
        What picks it in a path; made of the UID, without telling it.
    uid
        DICOM's own name of the series, the same for all its parts.
    part
        What tells it from other parts of its series; "" for a series in one piece.
    description
        May hold a name: it is shown to the person who chooses, and goes nowhere else.
    modality
        As DICOM abbreviates it: CT, MR, CR.
    date
        When it was made, if that is known; shown beside the description.
    slices
        In order along the normal.
    damaged
        What is wrong with files that are slices of the series too, and cannot be read.
    """

    key: str
    uid: str
    part: str
    description: str = field(repr=False)
    modality: str
    date: datetime.date | None = field(repr=False)
    slices: tuple[Slice, ...] = field(repr=False)
    damaged: tuple[Problem, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of slices, rows and columns."""
        return len(self.slices), *self.slices[0].origin.shape

    @property
    def is_placed(self) -> bool:
        """Whether the slices have a position in space."""
        return self.slices[0].position is not None

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Distance between slices, rows and columns in mm; None where pixels have no size."""
        pixel = self.slices[0].pixel_spacing
        if pixel is None:
            return None
        return spacing_of(self.slices) if self.is_placed else 1.0, pixel[0], pixel[1]

    def describe(self) -> str:
        """Return modality, size and spacing in words, and nothing that could name a person."""
        size = " x ".join(str(n) for n in self.shape)
        spacing = "" if self.spacing is None else f" of {' x '.join(f'{s:.4g}' for s in self.spacing)} mm"
        place = "" if self.is_placed else ", without a position in space"
        lost = f", and {count(len(self.damaged), 'damaged file')}" if self.damaged else ""
        return f"{self.modality}, {size} voxels{spacing}{place}{', ' * bool(self.part)}{self.part}{lost}"


@dataclass(frozen=True, slots=True)
class Listing:
    """What DICOM files hold.

    Parameters
    ----------
    series
        The largest first.
    problems
        Files that cannot be read and are of no series in the list, as far as they say.
    """

    series: tuple[Series, ...]
    problems: tuple[Problem, ...] = ()


def list_series(path: Path) -> Listing:
    """Return the series of a file, or of a folder and all folders in it; no pixel is read."""
    slices: list[Slice] = []
    damaged: dict[Path, tuple[Problem, ...]] = {}
    for file in dicom_files(path) if path.is_dir() else [path]:
        go_on_if_wanted()
        try:
            slices += read_slices(file)
        except VolumeProblem as error:
            damaged[file] = error.problems
    by_uid: dict[str, list[Slice]] = {}
    for one in _without_copies(slices):
        by_uid.setdefault(one.origin.series, []).append(one)
    problems = by_series(damaged, slices)
    found = [series for uid, members in by_uid.items() for series in _series(uid, members, problems.pop(uid, ()))]
    found.sort(key=lambda series: (-int(np.prod(series.shape)), series.key))
    return Listing(tuple(found), tuple(chain.from_iterable(problems.values())))


def _without_copies(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Yield each slice once, though its file may lie there twice."""
    seen = set()
    for one in slices:
        identity = (one.origin.series, one.origin.instance or one.origin.file, one.frame, one.position)
        if identity not in seen:
            seen.add(identity)
            yield one


def _series(uid: str, members: list[Slice], damaged: tuple[Problem, ...]) -> Iterator[Series]:
    """Yield the series of one UID, or its parts; a damaged file might be of any part."""
    parts = [part for alike in _alike(members) for part in _one_at_each_place(alike)]
    key = hashlib.sha256(uid.encode()).hexdigest()[:_KEY_LENGTH]
    for number, (name, slices) in enumerate(parts, start=1):
        origin = slices[0].origin
        own_key, part = (key, "") if len(parts) == 1 else (f"{key}-{number}", f"part {number} of its series{name}")
        yield Series(own_key, uid, part, origin.description, origin.modality, origin.date, slices, damaged)


def _alike(members: list[Slice]) -> list[list[Slice]]:
    """Return the slices in groups of one size and direction; a file without a position is a group of its own."""
    groups: list[list[Slice]] = []
    for one in sorted(members, key=lambda one: (one.number, one.origin.instance, one.frame)):
        group = next((group for group in groups if _fits(one, group[0])), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return groups


def _fits(one: Slice, other: Slice) -> bool:
    if one.orientation is None or other.orientation is None:
        return one.orientation is other.orientation and one.origin is other.origin
    return (
        one.origin.shape == other.origin.shape
        and _are_close(one.orientation, other.orientation, _SAME_DIRECTION)
        and _are_close(one.pixel_spacing or (0, 0), other.pixel_spacing or (0, 0), _SAME_SIZE)
    )


def _are_close(one: Vector, other: Vector, tolerance: float) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= tolerance


def _one_at_each_place(alike: list[Slice]) -> list[tuple[str, tuple[Slice, ...]]]:
    """Return the slices in order; those at one position are kept apart by the fewest traits that can do it.

    Each part comes with those traits in words. Where no trait can, all stay together.
    """
    if alike[0].position is None:
        return [("", tuple(alike))]
    most = most_at_one_place(alike)
    if most > 1:
        for names in _varying(alike):
            parts: dict[tuple[str, ...], list[Slice]] = {}
            for one in alike:
                traits = dict(one.traits)
                parts.setdefault(tuple(traits.get(name, "") for name in names), []).append(one)
            if 1 < len(parts) <= most and all(most_at_one_place(part) == 1 for part in parts.values()):
                return [(_said(names, values), in_order(part)) for values, part in parts.items()]
    return [("", in_order(alike))]


def _varying(alike: Sequence[Slice]) -> Iterator[tuple[str, ...]]:
    """Yield the traits that are not the same in all slices, alone, then two and three together."""
    traits = [dict(one.traits) for one in alike]
    names = dict.fromkeys(name for known in traits for name in known)
    varying = [name for name in names if len({known.get(name) for known in traits}) > 1]
    for num_together in range(1, _MOST_TRAITS_TOGETHER + 1):
        yield from combinations(varying, num_together)


def _said(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    return "".join(f", {name} {value or 'not given'}" for name, value in zip(names, values, strict=True))
