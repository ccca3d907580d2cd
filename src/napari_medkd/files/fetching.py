"""A public dataset as a folder: downloaded, its checksum looked at, unpacked beside, and put in its place at last."""

import shutil
from pathlib import Path

from napari_medkd.core.errors import DatasetProblem, InputProblem
from napari_medkd.files.archives import unpack
from napari_medkd.files.downloading import Progress, download
from napari_medkd.files.public_sets import PublicSet


def fetch(wanted: PublicSet, out: Path, progress: Progress) -> list[str]:
    """Put a public dataset into a folder, and return the names of files of its archive that were left out.

    Until it is whole, everything lies in ``.NAME.fetch`` beside the folder. A download that was cut short stays there,
    to be gone on with; what was unpacked of an archive does not.

    Parameters
    ----------
    out
        New or empty.

    Raises
    ------
    InputProblem
        Where the folder holds something; as `download` and `unpack` do.
    """
    _refuse_full(out)
    out = out.absolute()
    shelf = out.parent / f".{out.name}.fetch"
    file, unpacked = shelf / f"{wanted.name}{wanted.suffix}", shelf / "unpacked"
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        if unpacked.exists():  # of a command that was killed
            shutil.rmtree(unpacked)
        download(wanted.address, wanted.checksum, file, progress)
        if wanted.is_archive:
            left_out = unpack(file, unpacked)
        else:
            unpacked.mkdir()
            file.replace(unpacked / file.name)
            left_out = []
        _put_in_place(_only_folder(unpacked), out)
        shutil.rmtree(shelf)
    except DatasetProblem:  # the archive is no dataset, however often it is unpacked
        shutil.rmtree(shelf)
        raise
    except OSError as error:
        raise InputProblem.from_os_error(error, error.filename or out, "The folder cannot be written") from error
    return left_out


def _refuse_full(out: Path) -> None:
    try:
        is_free = not out.exists() or not any(out.iterdir())
    except OSError as error:
        raise InputProblem.from_os_error(error, out, "The folder cannot be read") from error
    if not is_free:
        raise InputProblem(str(out), "The folder holds files already.", "Name a new or an empty folder.")


def _put_in_place(whole: Path, out: Path) -> None:
    """Move a folder to its place; where there is one already, which may be the one a person is in, what it holds."""
    if not out.exists():
        whole.replace(out)
        return
    for child in whole.iterdir():
        child.replace(out / child.name)


def _only_folder(folder: Path) -> Path:
    """Return the folder that an archive has packed everything into, or else the folder itself."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
