"""The sets of the joint-teacher study as their importers read them, in small, fit the specs that are ready for them."""

from pathlib import Path

import pytest

from napari_medkd.core.course import courses_of
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import TaskKind
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from napari_medkd.files.importing import write_source
from napari_medkd.files.manifest import open_dataset
from tests.files.importers import test_class_labels, test_msd, test_public_tables, test_study_folders
from tests.files.importers.imported import picture

SPECS = Path(__file__).parents[3] / "examples" / "specs" / "joint-teacher"
KINDS = frozenset({"segmentation", "classification", "detection"})

#: What is learned of each set, and the name that is given where the release has another.
SETS: dict[str, tuple[TaskKind, str]] = {
    "brainmetshare": ("segmentation", ""),
    "isles-2022": ("segmentation", ""),
    "brats-2021": ("segmentation", ""),
    "lung": ("segmentation", "lung"),
    "lits": ("segmentation", ""),
    "kits-2019": ("segmentation", ""),
    "chest-xray14": ("classification", ""),
    "rsna-pneumonia": ("detection", ""),
    "oasis-slices": ("classification", "oasis-slices"),
    "montgomery": ("classification", "montgomery"),
    "shenzhen": ("classification", "shenzhen"),
}


def released(folder: Path, name: str, save) -> Path:
    """Write a set as it is released, in small."""
    if name in test_study_folders.SETS:
        return test_study_folders.laid_out(folder, name, save)
    match name:
        case "lung":
            return test_msd.laid_out(folder, save)
        case "chest-xray14":
            found = ("No Finding", "Mass|Hernia")
            return test_public_tables.nih(folder, *((f"{n}_000.png", one, n) for n, one in enumerate(found)))
        case "rsna-pneumonia":
            return test_public_tables.rsna(folder)
        case "oasis-slices":
            for number, grade in enumerate(("demented", "nondemented")):
                picture(folder / "train" / grade / f"{number}.png")
                picture(folder / "test" / grade / f"{number + 2}.png")
            return folder
        case _:
            table = f"image,class,site\na.png,tuberculosis,{name}\nb.png,normal,{name}\n"
            return test_class_labels.laid_out(folder, table, "ab")


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.json")), ids=lambda path: path.stem)
def test_the_tasks_that_a_ready_spec_names_are_those_that_are_imported(path, tmp_path, save):
    spec = TrainSpec.model_validate_json(path.read_text(encoding="utf-8"))
    names = [folder.name for folder in spec.datasets]
    for name in names:
        source = source_at(released(tmp_path / "released" / name, name, save), ColumnWishes())
        write_source(source, tmp_path / "data" / name, SETS[name][1])

    courses = courses_of(spec, [open_dataset(tmp_path / folder) for folder in spec.datasets], KINDS)

    assert [course.dataset.name for course in courses] == names
    assert [[task.kind for task in course.tasks] for course in courses] == [[SETS[name][0]] for name in names]
    assert all(course.dataset.labelled(task.name) for course in courses for task in course.tasks)
    assert spec.preprocessing_of.keys() <= set(names)
