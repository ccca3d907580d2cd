"""What OME-XML says of the first image of a TIFF: voxel size, names of its channels, and whether it is all there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from xml.etree import ElementTree

#: Voxel size (z, y, x) in mm, or None where the file does not say.
Spacing: TypeAlias = tuple[float, float, float] | None

MM_PER_UNIT = {
    "m": 1e3,
    "cm": 10.0,
    "mm": 1.0,
    "nm": 1e-6,
    "Å": 1e-7,
    "pm": 1e-9,
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns"), 1e-3),  # the micro sign, and the Greek letter
}


@dataclass(frozen=True, slots=True)
class OmeImage:
    """The first image.

    Parameters
    ----------
    spacing
        Of a voxel.
    channels
        Their names; empty where one has none, or two have the same.
    elsewhere
        Files by name in which the image's planes lie, other than the one with the XML.
    """

    spacing: Spacing = None
    channels: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


def read_ome(xml: str, file_name: str) -> OmeImage:
    """Return what the XML in a file of that name says; nothing, where it is no XML."""
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError):
        return OmeImage()
    elsewhere = {
        part.get("FileName", "")
        for part in root.iterfind(".//{*}UUID[@FileName]")
        if part.text != root.get("UUID") and part.get("FileName", "").lower() != file_name.lower()
    }
    pixels = root.find(".//{*}Pixels")
    if pixels is None:
        return OmeImage(elsewhere=tuple(sorted(elsewhere)))
    names = [channel.get("Name", "").strip() for channel in pixels.iterfind("{*}Channel")]
    are_names = all(names) and len(set(names)) == len(names)
    return OmeImage(_spacing(pixels.attrib), tuple(names) if are_names else (), tuple(sorted(elsewhere)))


def _spacing(said: Mapping[str, str]) -> Spacing:
    """Return the voxel size; in micrometres where no unit is said, and as high as a pixel where no distance is."""
    sizes = {}
    for axis in "ZYX":
        scale = MM_PER_UNIT.get(said.get(f"PhysicalSize{axis}Unit", "µm"))
        if scale and said.get(f"PhysicalSize{axis}"):
            sizes[axis] = float(said[f"PhysicalSize{axis}"]) * scale
    if "Y" not in sizes or "X" not in sizes:
        return None
    return sizes.get("Z", sizes["Y"]), sizes["Y"], sizes["X"]
