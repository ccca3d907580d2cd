"""The images of a preview, beside the prediction they were written with.

::

    previews/registration/liver_012/prediction.json            the newest mask; see `napari_medkd.files.results`
    previews/registration/liver_012/pictures.json              name and origin of each image
    previews/registration/liver_012/warped-reference.nii.gz    or .tif / .nrrd where the case has no size in mm
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.preview import PictureName, PreviewPicture
from napari_medkd.core.settings import Settings
from napari_medkd.files.atomic import read_bytes, write_json
from napari_medkd.files.opening import map_suffix, read_volume, write_volume

RECORD = "pictures.json"


class PictureRecord(Settings):
    """One image of a preview."""

    name: PictureName
    of: str
    file: str
    """In the same folder."""
    channels: tuple[str, ...]


class PicturesRecord(Settings):
    """What pictures.json holds."""

    schema_version: Literal[1] = 1
    pictures: tuple[PictureRecord, ...]


def write_pictures(pictures: Sequence[PreviewPicture], folder: Path) -> None:
    """Write the images of a preview into its folder, which exists; without any nothing is written."""
    if not pictures:
        return
    records = []
    for picture in pictures:
        file = picture.name.replace(" ", "-") + map_suffix(picture.volume.grid)
        write_volume(folder / file, picture.volume)
        records.append(PictureRecord(name=picture.name, of=picture.of, file=file, channels=picture.volume.channels))
    write_json(folder / RECORD, PicturesRecord(pictures=tuple(records)).model_dump(mode="json"))


def read_pictures(folder: Path) -> tuple[PreviewPicture, ...]:
    """Return the images of a preview, none where it has none; the masks stand in its prediction.

    Raises
    ------
    VolumeProblem
        Naming the file that is missing, damaged or does not fit.
    """
    path = folder / RECORD
    if not path.is_file():
        return ()
    try:
        record = PicturesRecord.model_validate_json(read_bytes(path))
    except OSError as error:
        raise VolumeProblem.from_os_error(error, path, "The list of images cannot be read") from error
    except ValidationError as error:
        raise VolumeProblem(str(path), f"The list of images is not valid ({error}).", "Train the run anew.") from error
    return tuple(
        PreviewPicture(one.name, one.of, read_volume(folder / Path(one.file).name, channels=one.channels))
        for one in record.pictures
    )
