"""Public segmentation sets in the folders they are released in, opened in place: a table of their layouts.

Each is told by the names of its files: a pattern finds the case and which part of it a file is. Label values are those
of the releases; where one set numbers its classes with a gap, the label map closes it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.dataset_json import TASK, task_of_values
from napari_medkd.files.importers.image_index import ImageIndex


@dataclass(frozen=True, slots=True)
class StudyLayout:
    """How one public set names its files.

    Parameters
    ----------
    name
        Of the dataset.
    pattern
        Of a file's path with ``/``, from the chosen folder's own name on. Its groups are ``case``, ``part``, and
        ``patient`` where one has several cases.
    channels
        What the channels are called, by part.
    mask
        The part that is the mask.
    classes
        By label value, without the background.
    """

    name: str
    pattern: str
    channels: dict[str, str]
    mask: str
    classes: dict[int, str]
    modality: Modality = Modality.MR


_TUMOUR = "enhancing tumour"
LAYOUTS = (
    StudyLayout(
        "brats-2021",
        r"(?P<case>BraTS2021_\d{5})_(?P<part>flair|t1|t1ce|t2|seg)\.nii(\.gz)?",
        {"t1": "T1", "t1ce": "T1 contrast", "t2": "T2", "flair": "FLAIR"},
        "seg",
        {1: "necrotic core", 2: "edema", 4: _TUMOUR},
    ),
    StudyLayout(
        "brats-2023",
        r"(?P<case>(?P<patient>BraTS-GLI-\d{5})-\d{3})-(?P<part>t1n|t1c|t2w|t2f|seg)\.nii(\.gz)?",
        {"t1n": "T1", "t1c": "T1 contrast", "t2w": "T2", "t2f": "FLAIR"},
        "seg",
        {1: "necrotic core", 2: "edema", 3: _TUMOUR},
    ),
    StudyLayout(
        "isles-2022",
        r"(?P<case>sub-strokecase\d{4})_ses-\d{4}_(?P<part>dwi|adc|msk)\.nii(\.gz)?",
        {"dwi": "DWI", "adc": "ADC"},  # FLAIR lies on a grid of its own
        "msk",
        {1: "infarct"},
    ),
    StudyLayout(
        "brainmetshare",
        r"(?P<case>(?i:mets)_\d+)/(?P<part>bravo|t1_pre|t1_gd|flair|seg)\.nii(\.gz)?",
        {
            "bravo": "T1 gradient echo contrast",
            "t1_pre": "T1 spin echo",
            "t1_gd": "T1 spin echo contrast",
            "flair": "FLAIR",
        },
        "seg",
        {1: "metastasis"},
    ),
    StudyLayout(
        "lits",
        r"(?P<part>volume|segmentation)-(?P<case>\d+)\.nii(\.gz)?",
        {"volume": "CT"},
        "segmentation",
        {1: "liver", 2: "tumour"},
        Modality.CT,
    ),
    StudyLayout(
        "kits-2019",
        r"data/(?P<case>case_\d{5})/(?P<part>imaging|segmentation)\.nii(\.gz)?",
        {"imaging": "CT"},
        "segmentation",
        {1: "kidney", 2: "tumour"},
        Modality.CT,
    ),
    StudyLayout(
        "kits-2023",
        r"dataset/(?P<case>case_\d{5})/(?P<part>imaging|segmentation)\.nii(\.gz)?",
        {"imaging": "CT"},
        "segmentation",
        {1: "kidney", 2: "tumour", 3: "cyst"},
        Modality.CT,
    ),
)


def recognise(folder: Path) -> Dataset | None:
    """Return the dataset of the first layout that any file of the folder is named as, or None where there is none.

    Raises
    ------
    DatasetProblem
        With every case that lacks a channel, and every file that is there twice.
    """
    if not _may_be_a_study(folder):
        return None
    try:
        files = list(ImageIndex(folder))
    except DatasetProblem:
        return None  # too many files for a study, or a folder that may not be read: its own images can still be opened
    for layout in LAYOUTS:
        found = list(_parts(layout, files, folder))
        if any(part == layout.mask for _, _, part, _ in found):
            return _dataset(layout, found, folder)
    return None


def _may_be_a_study(folder: Path) -> bool:
    """Return whether there are folders in which a study's files could lie, or its files themselves."""
    return any(path.is_dir() or path.name.endswith((".nii", ".nii.gz")) for path in folder.iterdir())


def _parts(layout: StudyLayout, files: list[Path], folder: Path) -> Iterator[tuple[str, str, str, Path]]:
    """Yield the case, patient, part and path of every file that the layout knows."""
    pattern, above = re.compile(rf"(?:.*/)?{layout.pattern}"), folder.resolve().name
    for path in files:
        found = pattern.fullmatch(f"{above}/{path.relative_to(folder).as_posix()}")
        if found:
            yield found["case"], found.groupdict().get("patient") or found["case"], found["part"], path


def _dataset(layout: StudyLayout, found: list[tuple[str, str, str, Path]], folder: Path) -> Dataset:
    files: dict[str, dict[str, Path]] = {}
    patient_of, problems = {}, []
    for case, patient, part, path in sorted(found):
        patient_of[case] = patient
        if part in files.setdefault(case, {}):
            problems.append(Problem(str(path), f"{files[case][part]} is the same part.", "Keep one of the two."))
        files[case][part] = path
    for case, parts in files.items():
        missing = [part for part in layout.channels if part not in parts]
        if missing:
            hint = "Add the missing files, or take the case away."
            problems.append(Problem(f"{folder}: {case}", f"There is no {' and no '.join(missing)} of the case.", hint))
    if problems:
        raise DatasetProblem.of(problems)
    task, label_map = task_of_values({0: "background"} | layout.classes)
    return Dataset(
        name=layout.name,
        channels=tuple(layout.channels.values()),
        modality=layout.modality,
        tasks={TASK: task},
        cases=tuple(
            Case(
                case,
                tuple(parts[part] for part in layout.channels),
                patient_of[case],
                annotations={TASK: parts[layout.mask]} if layout.mask in parts else {},
            )
            for case, parts in files.items()
        ),
        label_maps={TASK: label_map} if label_map.values else {},
        folder=folder,
    )
