"""The image files below a folder, found by what a document calls them; nothing outside the folder is ever found."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.opening import stem_of, suffix_of
from napari_medkd.files.zarr_path import ZARR_SUFFIXES

#: Where images lie rather than masks of the same name.
_SHELVES = {"images", "image", "imgs", "img"}
_MOST_FILES = 1_000_000


class ImageIndex:
    """Every image file below a folder; hidden files and folders, and links that lead outside, are left out.

    Parameters
    ----------
    folder
        Linked folders inside it are not followed.

    Raises
    ------
    DatasetProblem
        Where the folder does not exist or holds more than a million files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.links_outside: list[Path] = []
        self._by_stem: dict[str, list[Path]] = {}
        root, count = folder.resolve(), 0
        for parent, folders, names in os.walk(folder, onerror=_refuse):
            images = [name for name in folders if name.lower().endswith(ZARR_SUFFIXES)]
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in images)
            count += len(names)
            if count > _MOST_FILES:
                raise DatasetProblem(
                    str(folder), f"There are more than {_MOST_FILES:,} files below it.", "Choose the dataset's folder."
                )
            for name in sorted([*names, *images]):
                path = Path(parent, name)
                if name.startswith("."):
                    continue
                if path.is_symlink() and not path.resolve().is_relative_to(root):
                    self.links_outside.append(path)
                elif suffix_of(path):
                    self._by_stem.setdefault(stem_of(path), []).append(path)

    def __iter__(self) -> Iterator[Path]:
        return (path for paths in self._by_stem.values() for path in paths)

    def tell_links(self, remarks: Tally) -> None:
        """Remark the links that lead outside of the folder."""
        for path in self.links_outside:
            remarks.add(path.name, "A link leads out of the folder, and is not followed", "Put the file itself there.")

    def has(self, text: str) -> bool:
        """Return whether an image has the name, whatever its folder."""
        name = normalize("NFC", Path(text.strip().replace("\\", "/")).name)
        return any(stem in self._by_stem for stem in (stem_of(Path(name)), name) if stem)

    def starting_with(self, prefix: str) -> list[Path]:
        """Return the images whose name is the prefix, or goes on after it with anything but a letter or digit."""
        return [
            path
            for stem, paths in self._by_stem.items()
            if stem.startswith(prefix) and not stem[len(prefix) : len(prefix) + 1].isalnum()
            for path in paths
        ]

    def find(self, text: str, near: Path | None = None) -> Path | None:
        """Return the image that a document names, with or without its folders and suffix; None where there is none.

        Parameters
        ----------
        text
            Such as ``images/a.png``, ``a.png`` or ``a``. Folders above this one may stand before it, if they are its.
        near
            Folder of the document: of several images of the name, one below it is meant.

        Raises
        ------
        DatasetProblem
            Whose ``where`` is the name, if it leaves the folder or several images have it, of which not just one is in
            ``images/``.
        """
        said = PurePosixPath(self._without_root(text.strip().replace("\\", "/")))
        if said.is_absolute() or ".." in said.parts or (said.parts and said.parts[0].endswith(":")):
            raise DatasetProblem(text, "A name leaves the folder.", "Name files by their place in it.")
        tail = tuple(part for part in said.parts if part != ".")
        if not tail:
            return None
        exact = self.folder.joinpath(*tail)
        found = self._ending(tail)
        for narrower in (
            [path for path in found if path == exact],
            [path for path in found if near is not None and path.is_relative_to(near)],
            [path for path in found if _SHELVES & set(path.relative_to(self.folder).parts[:-1])],
            found,
        ):
            if len(narrower) == 1:
                return narrower[0]
        if found:
            listed = ", ".join(path.relative_to(self.folder).as_posix() for path in found[:3])
            raise DatasetProblem(f"{text}: {listed}", "A name may mean several images.", "Name them with their folder.")
        return None

    def _ending(self, tail: tuple[str, ...]) -> list[Path]:
        """Return the images whose path ends like that, the suffix given or not."""
        name = Path(normalize("NFC", tail[-1]))
        found = [
            path
            for path in self._by_stem.get(stem_of(name), [])
            if normalize("NFC", path.name) == name.name or not suffix_of(name)
        ]
        if not suffix_of(name):  # a name with a dot that is no suffix is a stem as it stands
            found = self._by_stem.get(name.name, [])
        for above in ((), *(root.parts for root in self._roots)):
            place_of = {path: (*above, *path.relative_to(self.folder).parts[:-1]) for path in found}
            ending = [path for path, place in place_of.items() if _ends_with(place, tail[:-1])]
            if ending:
                return ending
        return []

    @property
    def _roots(self) -> tuple[Path, Path]:
        """The folder's whole path as it was given, and without links."""
        return self.folder.absolute(), self.folder.resolve()

    def _without_root(self, name: str) -> str:
        for root in self._roots:
            if name.startswith(f"{root.as_posix()}/"):
                return name.removeprefix(f"{root.as_posix()}/")
        return name


def _ends_with(place: tuple[str, ...], end: tuple[str, ...]) -> bool:
    return place[max(0, len(place) - len(end)) :] == end


def case_ids(paths: Iterable[Path], folder: Path) -> dict[Path, str]:
    """Return an id for each image: its name, or its path in the folder where another image has the name."""
    listed = list(dict.fromkeys(paths))
    stems = [stem_of(path) for path in listed]
    count = Counter(stems)
    return {
        path: "_".join((*path.relative_to(folder).parts[:-1], stem)) if count[stem] > 1 else stem
        for path, stem in zip(listed, stems, strict=True)
    }


def _refuse(error: OSError) -> None:
    raise DatasetProblem.from_os_error(error, error.filename, "The folder cannot be read") from error
