"""A source as a dataset on disk: the files its cases have not got, and the manifest, in a folder of their own."""

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from napari_medkd.core.annotation import Boxes, ClassLabel, Mask
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.errors import DatasetProblem, InputProblem
from napari_medkd.files.importers.source import Made, Source
from napari_medkd.files.manifest import MANIFEST, write_dataset
from napari_medkd.files.opening import mask_suffix, write_boxes, write_mask, write_volume
from napari_medkd.files.plain_name import plain_name
from napari_medkd.files.splitting import split_by_group

_AT_A_TIME = 8
_SHELF = ".medkd-import"


def write_source(source: Source, out: Path, name: str = "") -> Path:
    """Write the dataset into a folder, which is made, and return the path of its manifest.

    Images that are files already are named by their paths, not copied. Until all is written it lies in a hidden folder
    inside, and the manifest takes its place last; where something goes wrong nothing stays.

    Parameters
    ----------
    out
        New or empty, and outside of the source.
    name
        Of the dataset; empty keeps the source's.

    Raises
    ------
    InputProblem
        Where the folder holds something, lies in the source, or cannot be written to; where the source is a dataset
        already; or where an image of the source is damaged.
    """
    _refuse_place(out, source.dataset.folder)
    with _filled_at_once(out) as shelf:
        made = {case.id: case for case in _all_written(source.made(), shelf)}
        cases = tuple(_completed(case, made) for case in source.dataset.cases)
        dataset = replace(source.dataset, name=name or source.dataset.name, cases=cases, folder=shelf)
        if dataset.split == Split():
            dataset = replace(dataset, split=split_by_group(dataset.name, dataset.cases))
        write_dataset(_absolute(dataset), shelf)
    return out / MANIFEST


def _refuse_place(out: Path, source: Path) -> None:
    if (source / MANIFEST).is_file():
        raise DatasetProblem(str(source), f"The folder has a {MANIFEST} already.", "Open it as it is.")
    if out.resolve().is_relative_to(source.resolve()):
        raise DatasetProblem(
            str(out), "The folder lies in the source, in which nothing is written.", "Choose a folder elsewhere."
        )
    try:
        is_free = not out.exists() or all(path.name.startswith(".") for path in out.iterdir())
    except OSError as error:
        raise InputProblem.from_os_error(error, out, "The folder cannot be read") from error
    if not is_free:
        hint = "Choose a new or an empty folder; a dataset is never overwritten."
        raise DatasetProblem(str(out), "The folder holds files already.", hint)


@contextmanager
def _filled_at_once(out: Path) -> Iterator[Path]:
    """Give a hidden folder inside of ``out``, whose content moves up to it unless something goes wrong."""
    shelf, is_new = out / _SHELF, not out.exists()
    try:
        shutil.rmtree(shelf, ignore_errors=True)  # of a command that was killed
        shelf.mkdir(parents=True)
    except OSError as error:
        raise InputProblem.from_os_error(error, out, "The folder cannot be made") from error
    try:
        yield shelf
        for path in sorted(shelf.iterdir(), key=lambda path: path.name == MANIFEST):
            path.replace(out / path.name)
    finally:
        shutil.rmtree(shelf)
        if is_new and not any(out.iterdir()):
            out.rmdir()


def _all_written(made: Iterator[Made], out: Path) -> Iterator[Case]:
    """Write a few cases at a time: most of a small file's time is waiting for the disk."""
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        while few := list(islice(made, _AT_A_TIME)):
            yield from pool.map(lambda one: _written(one, out), few)


def _written(made: Made, out: Path) -> Case:
    """Return a case with the files that were written for it."""
    name, images = plain_name(made.case), tuple[Path, ...]()
    if made.volume is not None:
        suffix = mask_suffix(made.volume.grid)
        images = (_in(out / "images", f"{name}{suffix}"),)
        write_volume(images[0], made.volume)
    annotations: dict[str, Path | ClassLabel] = {}
    for task, known in made.annotations.items():
        match known:
            case Mask():
                path = _in(out / "labels" / plain_name(task), f"{name}{mask_suffix(known.grid)}")
                write_mask(path, known)
            case Boxes():
                path = _in(out / "boxes" / plain_name(task), f"{name}.json")
                write_boxes(path, known)
        annotations[task] = path
    return Case(made.case, images, made.case, annotations=annotations)


def _in(folder: Path, name: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputProblem.from_os_error(error, folder, "The folder cannot be made") from error
    return folder / name


def _completed(case: Case, made: Mapping[str, Case]) -> Case:
    files = made.get(case.id)
    if files is None:
        return case
    return replace(case, images=case.images or files.images, annotations={**case.annotations, **files.annotations})


def _absolute(dataset: Dataset) -> Dataset:
    """Return the dataset with absolute paths, which mean the same wherever the command was given."""
    return replace(
        dataset,
        cases=tuple(
            replace(
                case,
                images=tuple(path.absolute() for path in case.images),
                annotations={
                    name: known.absolute() if isinstance(known, Path) else known
                    for name, known in case.annotations.items()
                },
            )
            for case in dataset.cases
        ),
    )
