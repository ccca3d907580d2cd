"""Headers that promise what no file holds, and packed data that become more than anybody asked for."""

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from pydicom import dcmread

from tests.files.sound_files import SOUND

Make = Callable[[Path], Path]


def _nifti(*, packed: bool = False, behind: bytes = b"", **fields: tuple[str, int, object]) -> Make:
    """A NIfTI file with numbers put into its header: their type, place and value."""

    def make(folder: Path) -> Path:
        path = SOUND["nii"](folder)
        content = bytearray(path.read_bytes())
        for kind, place, value in fields.values():
            values = value if isinstance(value, tuple) else (value,)
            struct.pack_into(f"<{len(values)}{kind}", content, place, *values)
        if not packed:
            path.write_bytes(content + behind)
            return path
        (folder / "b.nii.gz").write_bytes(gzip.compress(bytes(content) + behind, mtime=0))
        return folder / "b.nii.gz"

    return make


def _text(name: str, text: str, behind: bytes = bytes(64)) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(text.encode() + behind)
        return folder / name

    return make


def _nrrd(fields: str, behind: bytes = bytes(64), *, encoding: str = "raw", start: str = "type: uchar\n") -> Make:
    return _text("a.nrrd", f"NRRD0004\n{start}encoding: {encoding}\n{fields}\n\n", behind)


def _meta(fields: str, behind: bytes = bytes(64)) -> Make:
    return _text("a.mha", f"ObjectType = Image\n{fields}\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n", behind)


def _png(width: int, height: int, depth: int = 8) -> Make:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def make(folder: Path) -> Path:
        header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
        body = zlib.compress(bytes(1000))
        content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
        (folder / "a.png").write_bytes(content)
        return folder / "a.png"

    return make


def _jpeg(width: int, height: int) -> Make:
    def make(folder: Path) -> Path:
        path = SOUND["jpg"](folder)
        content = bytearray(path.read_bytes())
        frame = content.index(b"\xff\xc0")
        struct.pack_into(">HH", content, frame + 5, height, width)
        path.write_bytes(content)
        return path

    return make


def _tiff(**tags: object) -> Make:
    """A TIFF of one plane, other values written into its tags."""

    def make(folder: Path) -> Path:
        path = folder / "a.tif"
        tifffile.imwrite(path, np.ones((64, 64), np.uint8), compression="zlib", rowsperstrip=64, bigtiff=True)
        with tifffile.TiffFile(path, mode="r+b") as file:
            for name, value in tags.items():
                file.pages[0].tags[name].overwrite(value)
        return path

    return make


def _tiff_bomb(folder: Path) -> Path:
    """A TIFF of 64 x 64 pixels whose only strip becomes two gigabytes."""
    packer = zlib.compressobj(9)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)
    strip = start + 128 * zeros + packer.flush()
    tifffile.imwrite(folder / "a.tif", iter([strip]), shape=(64, 64), dtype=np.uint8, compression="zlib")
    return folder / "a.tif"


def _ring_of_pages(folder: Path) -> Path:
    """A TIFF whose page comes after itself."""
    tifffile.imwrite(folder / "a.tif", np.ones((8, 8), np.uint8), metadata=None)
    content = bytearray((folder / "a.tif").read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * count, first)
    (folder / "a.tif").write_bytes(content + bytes(100))
    return folder / "a.tif"


def _ome(inner: str, *, before: str = "") -> Make:
    xml = f'<?xml version="1.0" encoding="UTF-8"?>{before}<OME UUID="urn:uuid:1">{inner}</OME>'

    def make(folder: Path) -> Path:
        tifffile.imwrite(folder / "a.ome.tif", np.ones((2, 8, 9), np.uint8), description=xml, metadata=None)
        return folder / "a.ome.tif"

    return make


def _pixels(attributes: str, data: str = '<TiffData IFD="0" PlaneCount="2"/>') -> str:
    sizes = 'DimensionOrder="XYZCT" Type="uint8" SizeX="9" SizeY="8" SizeZ="2" SizeC="1" SizeT="1"'
    return f'<Image ID="Image:0"><Pixels ID="Pixels:0" {sizes} {attributes}>{data}</Pixels></Image>'


def _elsewhere(name: str) -> str:
    """The place of the second plane: in another file."""
    there = f'<UUID FileName="{name}">urn:uuid:2</UUID>'
    return f'<TiffData IFD="0" PlaneCount="1"/><TiffData FirstZ="1" IFD="0" PlaneCount="1">{there}</TiffData>'


def _dicom(**tags: object) -> Make:
    def make(folder: Path) -> Path:
        path = SOUND["dcm"](folder)
        made = dcmread(path)
        for keyword, value in tags.items():
            setattr(made, keyword, value)
        made.save_as(path)
        return path

    return make


_DIM, _PIXDIM, _OFFSET, _TYPE, _SROW_X = 40, 76, 108, 70, 280
_HUGE = "2147483648"
HEADERS: dict[str, Make] = {
    "nii of 32767 to the fourth": _nifti(dim=("h", _DIM, (4, 32767, 32767, 32767, 32767, 1, 1, 1))),
    "nii.gz of 32767 to the fourth": _nifti(packed=True, dim=("h", _DIM, (4, 32767, 32767, 32767, 32767, 1, 1, 1))),
    "nii of negative size": _nifti(dim=("h", _DIM, (3, -16, 14, 6))),
    "nii one voxel wider": _nifti(dim=("h", _DIM, (3, 17, 14, 6))),
    "nii one voxel narrower": _nifti(dim=("h", _DIM, (3, 15, 14, 6))),
    "nii.gz one voxel wider": _nifti(packed=True, dim=("h", _DIM, (3, 17, 14, 6))),
    "nii.gz one plane less": _nifti(packed=True, dim=("h", _DIM, (3, 16, 14, 5))),
    "nii of nine dimensions": _nifti(dim=("h", _DIM, (9, 16, 14, 6))),
    "nii of a type that is none": _nifti(datatype=("h", _TYPE, 7777)),
    "nii of wider numbers than it has": _nifti(datatype=("h", _TYPE, 64)),
    "nii that begins far behind its end": _nifti(vox_offset=("f", _OFFSET, 3e9)),
    "nii.gz that begins far behind its end": _nifti(packed=True, vox_offset=("f", _OFFSET, 3e9)),
    "nii.gz with a bomb before its voxels": _nifti(
        packed=True, behind=bytes(64 * 2**20), vox_offset=("f", _OFFSET, 2.0**26)
    ),
    "nii.gz with a bomb behind its voxels": _nifti(packed=True, behind=bytes(64 * 2**20)),
    "nii in no place": _nifti(srow_x=("f", _SROW_X, (float("nan"), 0.0, 0.0, 0.0))),
    "nii in an endless place": _nifti(srow_x=("f", _SROW_X, (float("inf"), 0.0, 0.0, 0.0))),
    "nii that is flat where it should not be": _nifti(srow_x=("f", _SROW_X, (0.0, 0.0, 0.0, 0.0))),
    "nrrd of 2**31 cubed": _nrrd(f"dimension: 3\nsizes: {_HUGE} {_HUGE} {_HUGE}"),
    "packed nrrd of 2**31 cubed": _nrrd(
        f"dimension: 3\nsizes: {_HUGE} {_HUGE} {_HUGE}", gzip.compress(bytes(64)), encoding="gzip"
    ),
    "nrrd of a number with 5000 digits": _nrrd(f"dimension: 2\nsizes: 4 {'9' * 5000}"),
    "nrrd of negative size": _nrrd("dimension: 2\nsizes: -8 -8"),
    "nrrd of no size": _nrrd("dimension: 2\nsizes: 0 8"),
    "nrrd of words for sizes": _nrrd("dimension: 2\nsizes: four five"),
    "nrrd without sizes": _nrrd("dimension: 2"),
    "nrrd of another dimension": _nrrd("dimension: 3\nsizes: 8 8"),
    "nrrd of a thousand dimensions": _nrrd("dimension: 1000\nsizes:" + " 1" * 1000),
    "nrrd one voxel short": _nrrd("dimension: 2\nsizes: 5 13"),
    "nrrd one voxel long": _nrrd("dimension: 2\nsizes: 7 9"),
    "nrrd without a byte order": _nrrd("dimension: 2\nsizes: 4 8", start="type: short\n"),
    "nrrd of blocks": _nrrd("dimension: 2\nsizes: 4 8\nblocksize: 2", start="type: block\n"),
    "nrrd written in hexadecimals": _nrrd("dimension: 2\nsizes: 8 8", encoding="hex"),
    "nrrd that contradicts itself": _nrrd("dimension: 2\nsizes: 8 8\nsizes: 4 16"),
    "nrrd without spacing along one axis": _nrrd("dimension: 2\nsizes: 8 8\nspacings: 1 nan"),
    "nrrd in no place": _nrrd("dimension: 2\nsizes: 8 8\nspacings: 1 inf"),
    "nrrd with two axes along each other": _nrrd(
        "dimension: 2\nsizes: 8 8\nspace dimension: 2\nspace directions: (1,1) (2,2)"
    ),
    "nrrd with two axes in a space of three": _nrrd(
        "dimension: 2\nsizes: 8 8\nspace: LPS\nspace directions: (1,0,0) (0,1,0)"
    ),
    "nrrd with more directions than axes": _nrrd(
        "dimension: 2\nsizes: 8 8\nspace dimension: 2\nspace directions: (1,0) (0,1) (1,1)"
    ),
    "nrrd in a space of thousands": _nrrd("dimension: 2\nsizes: 8 8\nspace dimension: 9999"),
    "nrrd of several units": _nrrd('dimension: 2\nsizes: 8 8\nspacings: 1 1\nunits: "mm" "um"'),
    "nrrd that skips bytes of its packed voxels": _nrrd("dimension: 2\nsizes: 8 8\nbyte skip: 9", encoding="gzip"),
    "nrrd whose header never ends": _text("a.nrrd", "NRRD0004\n" + "# remark\n" * 10, b"#" * (9 * 2**20)),
    "nrrd with a bomb": _nrrd("dimension: 2\nsizes: 8 8", gzip.compress(bytes(64 * 2**20)), encoding="gzip"),
    "mha of 2**31 cubed": _meta(f"NDims = 3\nDimSize = {_HUGE} {_HUGE} {_HUGE}"),
    "mha of a thousand dimensions": _meta("NDims = 1000\nDimSize =" + " 1" * 1000),
    "mha of one dimension": _meta("NDims = 1\nDimSize = 64"),
    "mha of other dimensions than sizes": _meta("NDims = 3\nDimSize = 8 8"),
    "mha of negative size": _meta("NDims = 2\nDimSize = -8 -8"),
    "mha one voxel short": _meta("NDims = 2\nDimSize = 5 13"),
    "mha one voxel long": _meta("NDims = 2\nDimSize = 7 9"),
    "mha of 2**40 channels": _meta(f"NDims = 2\nDimSize = 8 8\nElementNumberOfChannels = {2**40}"),
    "mha of no spacing": _meta("NDims = 2\nDimSize = 8 8\nElementSpacing = 0 1"),
    "mha in no place": _meta("NDims = 2\nDimSize = 8 8\nElementSpacing = nan 1"),
    "mha far beyond the stars": _meta("NDims = 2\nDimSize = 8 8\nOffset = 1e300 1e300"),
    "mha with two axes along each other": _meta("NDims = 2\nDimSize = 8 8\nTransformMatrix = 1 1 1 1"),
    "mha with a matrix of another size": _meta("NDims = 2\nDimSize = 8 8\nTransformMatrix = 1 0 0 0 1 0 0 0 1"),
    "mha with time that is tilted": _meta(
        "NDims = 4\nDimSize = 4 4 2 2\nTransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 1 0 0 1"
    ),
    "mha written as text": _meta("NDims = 2\nDimSize = 8 8\nBinaryData = False"),
    "mha with a bomb": _meta("NDims = 2\nDimSize = 8 8\nCompressedData = True", zlib.compress(bytes(64 * 2**20))),
    "png of 2**31": _png(2**31 - 1, 2**31 - 1),
    "png of no size": _png(0, 10),
    "png of ten gigapixels": _png(100_000, 100_000),
    "png of a depth that is none": _png(10, 10, 7),
    "jpg of 65535 squared": _jpeg(65535, 65535),
    "jpg of no width": _jpeg(0, 40),
    "tif of 2**31 wide": _tiff(ImageWidth=2**31),
    "tif of 2**31 squared": _tiff(ImageWidth=2**31, ImageLength=2**31),
    "tif of no height": _tiff(ImageLength=0),
    "tif of samples beyond number": _tiff(SamplesPerPixel=65535),
    "tif of 7 bits": _tiff(BitsPerSample=777),
    "tif of a compression that is none": _tiff(Compression=54321),
    "tif whose strip lies nowhere": _tiff(StripOffsets=2**40),
    "tif whose strip is missing": _tiff(StripByteCounts=0),
    "tif with a strip beyond number": _tiff(StripByteCounts=2**60),
    "tif with a bomb": _tiff_bomb,
    "tif that says of three planes that it has two": _ome(_pixels("").replace('SizeZ="2"', 'SizeZ="3"')),
    "tif with planes above its folder": _ome(_pixels("", _elsewhere("../secret.tif"))),
    "tif with planes in any file": _ome(_pixels("", _elsewhere("/etc/hostname"))),
    "tif of no pixel size": _ome(_pixels('PhysicalSizeX="0" PhysicalSizeY="0"')),
    "tif of endless pixels": _ome(_pixels('PhysicalSizeX="inf" PhysicalSizeY="1e999"')),
    "tif of a pixel size that is none": _ome(_pixels('PhysicalSizeX="wide" PhysicalSizeY="high"')),
    "dcm of 65535 squared": _dicom(Rows=65535, Columns=65535),
    "dcm of no rows": _dicom(Rows=0),
    "dcm of two billion frames": _dicom(NumberOfFrames=2_000_000_000),
    "dcm of 2**16 samples": _dicom(SamplesPerPixel=65535),
    "dcm of 7 bits": _dicom(BitsAllocated=7),
    "dcm one row more": _dicom(Rows=41),
    "dcm in no place": _dicom(ImageOrientationPatient=[0, 0, 0, 0, 0, 0]),
}


def _larger_than_allowed(folder: Path) -> Path:
    """A sound NIfTI file of a gigabyte, of which the disk holds next to nothing."""
    path = _nifti(dim=("h", _DIM, (3, 1024, 1024, 512)))(folder)
    with path.open("r+b") as file:
        file.truncate(352 + 2**30)
    return path


#: What is odd and still an image, or may be one.
ODD: dict[str, Make] = {
    "nii larger than this process may have": _larger_than_allowed,
    "tif whose page comes after itself": _ring_of_pages,
    "tif with a thousand million laughs": _ome(
        _pixels(""),
        before='<!DOCTYPE OME [<!ENTITY a "ha">'
        + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
        + "]>",
    ),
    "tif with half of its XML": _ome("<Image><Pixels"),
    "png with a bomb in its text": lambda folder: _with_text(folder, bytes(64 * 2**20)),
}


def _with_text(folder: Path, text: bytes) -> Path:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", text.decode(), zip=True)
    Image.fromarray(np.ones((8, 8), np.uint8)).save(folder / "a.png", pnginfo=info)
    return folder / "a.png"
