"""What the labels of a task hold, and another meaning for it in the dataset's manifest. Masks and boxes stay.

Labels of masks get a map. Classes of images stand in the manifest; boxes of other classes are written into files of
their own, beside those that are painted, and the manifest names these.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset, LabelMap
from napari_medkd.core.errors import DatasetProblem, InputProblem
from napari_medkd.core.relabelling import Change, Stored, label_renamed
from napari_medkd.core.task import Task
from napari_medkd.files.annotating import ANNOTATIONS
from napari_medkd.files.boxes import classes_in, write_renamed
from napari_medkd.files.manifest import is_ours, manifest_of, write_back
from napari_medkd.files.manifest_reading import read_manifest
from napari_medkd.files.opening import labels_in
from napari_medkd.files.plain_name import plain_name


@dataclass(frozen=True, slots=True)
class StoredLabels:
    """Which labels masks hold, or which classes are said of images and boxes.

    Parameters
    ----------
    cases
        By stored label or class, in how many of the cases that were read it is.
    num_read, num_masks
        How many cases were read, of how many.
    """

    cases: Mapping[Stored, int]
    num_read: int
    num_masks: int


def stored_labels(dataset: Dataset, task: str, most: int) -> StoredLabels:
    """Return what the first labelled cases of a task hold; files that cannot be read are left out.

    Parameters
    ----------
    most
        How many files to read.
    """
    known = [case.annotations[task] for case in dataset.labelled(task)]
    read = classes_in if dataset.task(task).kind == "detection" else labels_in
    cases: Counter[Stored] = Counter()
    num_read = 0
    for label in known[:most] if any(isinstance(one, Path) for one in known) else known:
        with suppress(InputProblem):
            cases.update(label.present if isinstance(label, ClassLabel) else set(read(label)))
            num_read += 1
    return StoredLabels(dict(sorted(cases.items())), num_read, len(known))


def save_relabelled(dataset: Dataset, *changes: Change) -> Dataset:
    """Write what labels mean into the dataset's manifest, atomically, and return the changed dataset.

    What others wrote into the manifest since the dataset was opened stays. A dataset in another layout gets a manifest
    beside its files.

    Parameters
    ----------
    changes
        As `core.relabelling.changed` returns them.

    Raises
    ------
    InputProblem
        Where the dataset has no such task, a file of boxes cannot be read, or something cannot be written.
    """
    for task, meant in changes:
        known, are_masks = dataset.tasks.get(task.name), isinstance(meant, LabelMap)
        if known is None or (known.kind == "segmentation") != are_masks:
            kind = "masks" if are_masks else "classes or boxes"
            found = f"The dataset has no {kind} of a task {task.name!r}."
            raise DatasetProblem(f"dataset {dataset.name}", found, "Choose one of its tasks.")
    manifest = manifest_of(dataset)
    there = read_manifest(manifest) if is_ours(manifest) else dataset
    tasks = {task.name: task for task, _ in changes}
    maps = {task.name: meant for task, meant in changes if isinstance(meant, LabelMap) and meant.values}
    others = {name: label_map for name, label_map in there.label_maps.items() if name not in tasks}
    cases = there.cases
    for task, meant in changes:
        if not isinstance(meant, LabelMap):
            cases = tuple(_renamed(case, task, meant, dataset.folder) for case in cases)
    changed = replace(there, tasks={**there.tasks, **tasks}, label_maps={**others, **maps}, cases=cases)
    write_back(changed)
    return changed


def _renamed(case: Case, task: Task, names: Mapping[str, str], folder: Path) -> Case:
    """Return a case with the class or the boxes of a task called by other names."""
    known = case.annotations.get(task.name)
    if known is None:
        return case
    label: ClassLabel | Path | None
    if isinstance(known, ClassLabel):
        label = label_renamed(known, task, names)
    else:
        label = _boxes_renamed(known, names, folder / ANNOTATIONS / plain_name(task.name) / plain_name(case.id))
    rest = {name: one for name, one in case.annotations.items() if name != task.name}
    return replace(case, annotations=rest if label is None else {**rest, task.name: label})


def _boxes_renamed(path: Path, names: Mapping[str, str], name: Path) -> Path:
    """Return a file with the boxes in other names, newly written; where none changes, the file itself."""
    if not {*classes_in(path)} & names.keys():
        return path
    to = next(free for number in count(1) if not (free := name.with_name(f"{name.name}-{number}.json")).exists())
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputProblem.from_os_error(error, to.parent, "The folder cannot be made") from error
    write_renamed(path, names, to)
    return to
