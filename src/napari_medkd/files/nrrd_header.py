"""What a NRRD header says: how its voxels lie, and where; a space without a name is (left, posterior, superior)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Unit
from napari_medkd.files.channels import Meaning
from napari_medkd.files.packed import opened
from napari_medkd.files.text_header import damaged, integers, lines_of, note, reals, refuse_several_files, word
from napari_medkd.files.voxel_layout import LPS, VoxelLayout, beside, scale_to_mm

#: What a header says, by its keys in lower case and without blanks.
Fields: TypeAlias = dict[str, str]

_TYPES = {
    "i1": ("int8", "signed char", "int8_t"),
    "u1": ("uint8", "uchar", "unsigned char", "uint8_t"),
    "i2": ("int16", "short", "short int", "signed short", "signed short int", "int16_t"),
    "u2": ("uint16", "ushort", "unsigned short", "unsigned short int", "uint16_t"),
    "i4": ("int32", "int", "signed int", "int32_t"),
    "u4": ("uint32", "uint", "unsigned int", "uint32_t"),
    "i8": ("int64", "longlong", "long long", "long long int", "signed long long", "signed long long int", "int64_t"),
    "u8": ("uint64", "ulonglong", "unsigned long long", "unsigned long long int", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_TYPE_OF = {name: code for code, names in _TYPES.items() for name in names}
_IS_PACKED = {"raw": False, "gzip": True, "gz": True}
_FROM_PATIENT = {
    **dict.fromkeys(("right-anterior-superior", "ras"), np.eye(4)),
    **dict.fromkeys(("left-anterior-superior", "las"), np.diag([-1.0, 1.0, 1.0, 1.0])),
    **dict.fromkeys(("left-posterior-superior", "lps"), LPS),
}
_FROM_SPACE = _FROM_PATIENT | dict.fromkeys(("scanner-xyz", "3d-right-handed", "3d-left-handed", ""), LPS)
_WITHOUT_TIME = {"rast": "ras", "last": "las", "lpst": "lps"}
_SPATIAL_KINDS = ("domain", "space", "???", "none")
_MEANINGS: dict[str, Meaning] = {
    "time": "time",
    "list": "unsaid",
    "": "unsaid",
    **dict.fromkeys(_SPATIAL_KINDS, "unsaid"),
}
_COLOURS = ("rgb-color", "rgba-color")
_MOST_AXES = 16


def read_fields(path: Path) -> tuple[Fields, int]:
    """Return what the header says, and where it ends; remarks and pairs of other programs are left out."""
    with opened(path) as file:
        return _fields(file, path), file.tell()


def names_a_space(fields: Fields) -> bool:
    """Return whether the header says which way left, back and head are."""
    return fields.get("space", "").lower() in _FROM_PATIENT


def layout_of(fields: Fields, end_of_header: int, path: Path) -> VoxelLayout:
    """Return how the voxels lie.

    Raises
    ------
    VolumeProblem
        Where the header is damaged, or says what cannot be read.
    """
    sizes = integers(word(fields, "sizes", path), "sizes", path)
    kinds = fields.get("kinds", "").lower().split() or ["???"] * len(sizes)
    steps = _steps(fields, path)
    counts = {
        len(sizes),
        len(kinds),
        len(steps or sizes),
        *integers(word(fields, "dimension", path), "dimension", path),
    }
    if len(counts) > 1 or len(sizes) > _MOST_AXES:
        raise damaged(path, f"it does not say the same of all axes ({sorted(counts)} of them)")
    is_spatial = [bool(step) for step in steps] or [kind in _SPATIAL_KINDS for kind in kinds]
    spatial = tuple(n for n in range(len(sizes)) if is_spatial[n])[:3]
    if len(spatial) < 2:
        raise damaged(path, "fewer than two of its axes lie in space")
    kind = next((kinds[n] for n in range(len(sizes)) if n not in spatial and sizes[n] > 1), "")
    affine, unit = _position(fields, steps, spatial, path)
    file, offset, is_packed = _voxels(fields, end_of_header, path)
    return VoxelLayout(
        sizes=sizes,
        spatial=spatial,
        dtype=_dtype(fields, path),
        affine=affine,
        unit=unit,
        meaning="time" if _space(fields, path)[2] else _MEANINGS.get(kind, "channels"),
        are_colours=kind in _COLOURS,
        file=file,
        offset=offset,
        is_packed=is_packed,
    )


def _fields(file: IO[bytes], path: Path) -> Fields:
    lines = lines_of(file, path)
    if not re.fullmatch(r"NRRD000[1-5]\s*", next(lines, "")):
        raise VolumeProblem(
            str(path), "The file is not NRRD, whatever its name says.", "Export it again, or give it its right suffix."
        )
    fields: Fields = {}
    for line in lines:
        if not line.strip():
            break
        key, found, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):
            continue
        if not found:
            raise damaged(path, f"it has the line {line[:60]!r}")
        note(fields, key.lower().replace(" ", ""), value.strip(), path)
    return fields


def _space(fields: Fields, path: Path) -> tuple[str, int, bool]:
    """Return the space's name without its time, how many numbers say a point in it, and whether one of them is time."""
    said = fields.get("space", "").lower()
    name = _WITHOUT_TIME.get(said, said.removesuffix("-time"))
    is_timed = name != said
    dimension = "4" if is_timed else fields.get("spacedimension", "3")
    if name not in _FROM_SPACE or dimension not in ("2", "3", "4"):
        raise VolumeProblem(
            str(path),
            f"The image lies in a space that is not known: {(said or dimension)[:40]!r}.",
            "Save it in the space left-posterior-superior.",
        )
    return name, int(dimension), is_timed


def _steps(fields: Fields, path: Path) -> list[tuple[float, ...]]:
    """Return the step in space along each axis, empty along one that lies in none; nothing where none is said."""
    dimension = _space(fields, path)[1]
    steps = [
        () if re.search("none|nan", part, re.IGNORECASE) else _point(part, "space directions", dimension, path)
        for part in re.findall(r"none|\([^()]*\)", fields.get("spacedirections", ""), re.IGNORECASE)
    ]
    if any(len(step) == 4 and step[3] and any(step[:3]) for step in steps):
        raise damaged(path, "its fourth axis is tilted into space")
    return [() if len(step) == 4 and step[3] else step[:3] for step in steps]


def _point(text: str, key: str, count: int, path: Path) -> tuple[float, ...]:
    return reals(text.strip("() ").replace(",", " "), key, path, count)


def _position(
    fields: Fields, steps: list[tuple[float, ...]], spatial: Sequence[int], path: Path
) -> tuple[NDArray[np.float64], Unit]:
    """Return the affine from (i, j, k) to (right, anterior, superior), and its unit."""
    affine = np.eye(4)
    space, dimension, _ = _space(fields, path)
    if steps:
        places = min(dimension, 3)
        if len(spatial) != places:
            raise damaged(path, f"{len(spatial)} of its axes lie in a space of {places} dimensions")
        for n, axis in enumerate(spatial):
            affine[:places, n] = steps[axis]
        if fields.get("spaceorigin"):
            affine[:places, 3] = _point(fields["spaceorigin"], "space origin", dimension, path)[:places]
        units = re.findall(r'"([^"]*)"', fields.get("spaceunits", ""))
    else:
        spacings = _of_axes(fields.get("spacings", "").split(), spatial)
        if not spacings or set(spacings) == {"nan"}:
            units = ["pixel"]
        else:
            affine[range(len(spatial)), range(len(spatial))] = reals(" ".join(spacings), "spacings", path, len(spatial))
            units = _of_axes(re.findall(r'"([^"]*)"', fields.get("units", "")), spatial)
        _refuse_mins(fields, path)
    return scale_to_mm(_FROM_SPACE[space] @ affine, units[:3], path)


def _of_axes(words: Sequence[str], axes: Sequence[int]) -> list[str]:
    return [words[axis] for axis in axes] if len(words) > max(axes) else []


def _refuse_mins(fields: Fields, path: Path) -> None:
    """Refuse a position that programs read differently."""
    if set(fields.get("axismins", "nan").lower().split()) != {"nan"}:
        raise VolumeProblem(
            str(path), "The position is given as 'axis mins' alone.", "Save the image with 'space directions'."
        )


def _dtype(fields: Fields, path: Path) -> np.dtype[Any]:
    said = word(fields, "type", path).lower()
    if said not in _TYPE_OF:
        raise VolumeProblem(str(path), f"The intensities are of type {said[:40]!r}.", "Save them as numbers.")
    dtype = np.dtype(_TYPE_OF[said])
    if dtype.itemsize == 1:
        return dtype
    order = {"little": "<", "big": ">"}.get(word(fields, "endian", path).lower())
    if order is None:
        raise damaged(path, f"'endian' is {fields['endian'][:40]!r}; expected little or big")
    return dtype.newbyteorder(order)  # type: ignore[arg-type]


def _voxels(fields: Fields, end_of_header: int, path: Path) -> tuple[Path, int, bool]:
    """Return where the voxels are, the bytes before them, and whether they are packed."""
    encoding = word(fields, "encoding", path).lower()
    if encoding not in _IS_PACKED:
        raise VolumeProblem(
            str(path), f"The voxels are written as {encoding[:40]!r}.", "Save them raw, or packed by gzip."
        )
    is_packed = _IS_PACKED[encoding]
    (lines,) = integers(fields.get("lineskip", "0"), "line skip", path)[:1]
    (skipped,) = integers(fields.get("byteskip", "0"), "byte skip", path)[:1]
    if lines != 0 or skipped < -1 or (is_packed and skipped != 0):
        raise VolumeProblem(str(path), "Lines or bytes are skipped before the voxels.", "Save the image as one file.")
    name = fields.get("datafile", "")
    refuse_several_files(name, path)
    if name:
        return beside(path, name), skipped, is_packed
    return path, skipped if skipped < 0 else end_of_header + skipped, is_packed
