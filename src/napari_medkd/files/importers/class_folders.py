"""A folder of pictures for each class, as on Kaggle: ``CLASS/*.png``, or ``train/CLASS/*.png`` beside ``test/``.

Nothing says which pictures are of one patient, and the importer says so: such sets have put slices of one person on two
sides.
"""

from dataclasses import replace
from pathlib import Path

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import Problem
from napari_medkd.core.task import Task
from napari_medkd.files.importers.beside import SIDES
from napari_medkd.files.importers.image_index import case_ids
from napari_medkd.files.importers.listing import image_files
from napari_medkd.files.importers.pairs import channels_and_modality
from napari_medkd.files.importers.source import Source
from napari_medkd.files.opening import VOLUME_SUFFIXES, suffix_of
from napari_medkd.files.splitting import split_with_sides

_TASK = "class"


def recognise(source: Path) -> Source | None:
    """Return the pictures with the class that their folder is called like; None where the folders are not so."""
    folders = {side: path for side, words in SIDES.items() for path in _folders(source) if path.name.lower() in words}
    by_side = {side: _by_class(path) for side, path in folders.items()} or {"": _by_class(source)}
    classes = sorted({name for by_class in by_side.values() for name in by_class})
    if len(classes) < 2:
        return None
    task = Task(_TASK, "classification", tuple(classes))
    ids = case_ids([path for by_class in by_side.values() for paths in by_class.values() for path in paths], source)
    cases, sides = [], {}
    for side, by_class in by_side.items():
        for name, paths in by_class.items():
            label = ClassLabel(frozenset({name}), task)
            cases += [Case(ids[path], (path,), ids[path], annotations={_TASK: label}) for path in paths]
            sides.update(dict.fromkeys((ids[path] for path in paths), side))
    channels, modality = channels_and_modality(list(ids))
    dataset = Dataset(
        name=source.resolve().name,
        channels=channels,
        modality=modality,
        tasks={_TASK: task},
        cases=tuple(cases),
        folder=source,
    )
    if folders:
        dataset = replace(dataset, split=split_with_sides(dataset.name, dataset.cases, sides))
    hint = "If a patient has several, list id and group in cases.csv beside the folders, and import again."
    remark = Problem(str(source), "Every picture counts as a patient of its own, for the folders do not say.", hint)
    return Source("a folder for each class", dataset, remarks=(remark,))


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _by_class(folder: Path) -> dict[str, list[Path]]:
    """Return the pictures by the folder they lie in; none where a folder holds no picture, or volumes."""
    found = {path.name: image_files(path) for path in _folders(folder)}
    are_pictures = all(
        paths and not any(suffix_of(path) in VOLUME_SUFFIXES for path in paths) for paths in found.values()
    )
    return found if are_pictures else {}
