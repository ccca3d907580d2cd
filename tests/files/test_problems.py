import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.annotation import Boxes, ClassLabel, Mask
from napari_medkd.core.dataset import Case, Dataset, LabelMap
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.manifest import problems_of_dataset
from napari_medkd.files.opening import write_boxes, write_mask, write_volume
from napari_medkd.files.problems import doubts_about_cases

ORGANS = Task("organs", "segmentation", ("background", "liver"))
FOUND = Task("found", "detection", ("cyst",))
SICK = Task("sick", "classification", ("no", "yes"))
GRID = Grid.upright((3, 4, 5), (2.0, 1.0, 1.0))


def image(path: Path, grid: Grid = GRID, value: float = 0) -> Path:
    write_volume(path, Volume(np.full((1, *grid.shape), value, np.float32), grid))
    return path


def mask(path: Path, grid: Grid = GRID, value: int = 1) -> Path:
    many = Task("any", "segmentation", tuple(str(n) for n in range(20)))
    write_mask(path, Mask(np.full(grid.shape, value, np.uint8), grid, many))
    return path


def boxes(path: Path, *corners: tuple[float, ...]) -> Path:
    write_boxes(path, Boxes(np.array(corners, float).reshape(-1, 6), ("cyst",) * len(corners), GRID, FOUND))
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Dataset:
    """A dataset of two cases with nothing wrong."""
    cases = tuple(
        Case(
            name,
            (image(tmp_path / f"{name}.nii.gz"),),
            name,
            annotations={
                "organs": mask(tmp_path / f"{name}_mask.nii.gz"),
                "found": boxes(tmp_path / f"{name}.json", (0, 0, 0, 3, 4, 5)),
                "sick": ClassLabel(frozenset({"no"}), SICK),
            },
        )
        for name in ("a", "b")
    )
    tasks = {task.name: task for task in (ORGANS, FOUND, SICK)}
    return Dataset("livers", ("image",), Modality.CT, tasks, cases, folder=tmp_path)


def told(dataset: Dataset, *, read_images: bool = True) -> list[str]:
    problems = problems_of_dataset(dataset, read_images=read_images)
    assert all(problem.hint for problem in problems)
    return [f"{problem.where}: {problem.problem}" for problem in problems]


@pytest.mark.parametrize("read_images", [True, False])
def test_a_sound_dataset_has_no_problem(sound, read_images):
    assert told(sound, read_images=read_images) == []


def test_missing_files_are_found_without_reading_any(sound, tmp_path):
    for name in ("a.nii.gz", "b_mask.nii.gz", "b.json"):
        (tmp_path / name).unlink()

    for read_images in (True, False):
        found = told(sound, read_images=read_images)
        assert [line.split(": ")[0] for line in found] == ["cases.a", "cases.b", "cases.b"]
        assert "a.nii.gz does not exist" in found[0]


def test_a_format_that_cannot_be_opened_is_found_without_reading(sound, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    film = replace(sound, cases=(replace(sound.cases[0], images=(tmp_path / "a.mp4",)), sound.cases[1]))

    assert "a.mp4 is of no image format" in told(film, read_images=False)[0]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is Unicode")
def test_a_file_whose_name_is_not_in_utf_8_is_found_without_reading(sound, tmp_path):
    latin = (tmp_path / "a.nii.gz").rename(tmp_path / os.fsdecode(b"M\xfcller.nii.gz"))
    named = replace(sound, cases=(replace(sound.cases[0], images=(latin,)), sound.cases[1]))

    for read_images in (True, False):
        assert told(named, read_images=read_images) == ["M?ller.nii.gz: This path holds a name that is not in UTF-8."]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is Unicode")
def test_the_folders_own_name_is_no_problem_of_each_file(sound, tmp_path):
    latin = tmp_path / os.fsdecode(b"K\xf6ln")
    latin.mkdir()
    cases = tuple(replace(case, images=(image(latin / f"{case.id}.nii.gz"),)) for case in sound.cases)
    tasks = {"sick": SICK}
    cases = tuple(replace(case, annotations={"sick": case.annotations["sick"]}) for case in cases)

    assert told(replace(sound, cases=cases, tasks=tasks, folder=latin)) == []


def test_everything_that_is_wrong_inside_is_found_at_once(sound, tmp_path):
    elsewhere = GRID.affine.copy()
    elsewhere[0, 3] += 30
    image(tmp_path / "a.nii.gz", value=np.nan)
    mask(tmp_path / "a_mask.nii.gz", value=7)
    mask(tmp_path / "b_mask.nii.gz", grid=Grid(GRID.shape, elsewhere))
    boxes(tmp_path / "b.json", (0, 0, 0, 3, 4, 5), (0, 0, 0, 3, 4, 5.5), (-1, 0, 0, 3, 4, 5))

    found = told(sound)

    assert len(found) == 5
    assert "cases.a: " in found[0]
    assert "60 of 60 intensities are NaN" in found[0]
    assert "labels [7]" in found[1]
    assert "cases.b: " in found[2]
    assert "30 mm away" in found[2]
    assert "box 1 ([0.0, 0.0, 0.0, 3.0, 4.0, 5.5]) reaches outside" in found[3]
    assert "box 2" in found[4]


def test_labels_are_judged_after_the_label_map(sound, tmp_path):
    for name in "ab":
        mask(tmp_path / f"{name}_mask.nii.gz", value=7)

    assert len(told(sound)) == 2
    assert told(replace(sound, label_maps={"organs": LabelMap({7: 1})})) == []


def test_a_damaged_file_is_named(sound, tmp_path):
    (tmp_path / "b.nii.gz").write_bytes((tmp_path / "b.nii.gz").read_bytes()[:40])
    (tmp_path / "a.json").write_text("{")

    found = told(sound)

    assert len(found) == 2
    assert "a.json" in found[0]
    assert "b.nii.gz: The file is incomplete" in found[1]


def test_a_header_that_contradicts_itself_is_a_doubt_and_no_problem(sound, tmp_path):
    import nibabel

    loaded = nibabel.load(tmp_path / "a.nii.gz")
    loaded.set_qform(np.diag([1, 1, 2, 1]), code=1)
    (tmp_path / "a.nii.gz").write_bytes(loaded.to_bytes())

    (doubt,) = doubts_about_cases(sound.cases)
    assert doubt.where == "cases.a"
    assert "sform and qform" in doubt.problem
    assert told(sound) == []


def test_an_image_that_cannot_be_opened_is_not_doubted(sound, tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"")

    assert doubts_about_cases(sound.cases) == []


def test_an_empty_dataset_is_found(sound):
    assert "There is no case" in told(replace(sound, cases=()))[0]


def test_images_that_wait_to_be_annotated_are_no_problem(sound):
    assert told(replace(sound, tasks={}, cases=(Case("a", sound.cases[0].images, "a"),))) == []


def test_a_task_without_any_label_is_found(sound):
    unlabelled = tuple(replace(case, annotations={"sick": case.annotations["sick"]}) for case in sound.cases)

    found = told(replace(sound, cases=unlabelled))

    assert found == [
        "dataset livers: No case has an annotation for task 'organs'.",
        "dataset livers: No case has an annotation for task 'found'.",
    ]


def test_flat_pictures_among_volumes_are_found(sound, tmp_path):
    flat = Case("c", (image(tmp_path / "c.nii.gz", Grid.upright((1, 4, 5))),), "c")

    found = told(replace(sound, cases=(*sound.cases, flat)))

    assert found == [
        "dataset livers: The images are of several kinds: 2 are 3-D in mm (such as a); 1 are 2-D in mm (such as c)."
    ]


def test_a_channel_on_another_grid_is_found(sound, tmp_path):
    case = Case("c", (image(tmp_path / "c1.nii.gz"), image(tmp_path / "c2.nii.gz", Grid.upright((3, 4, 5)))), "c")

    found = told(replace(sound, channels=("T1", "T2"), cases=(case,), tasks={"sick": SICK}))

    assert any("c2.nii.gz: Its grid is" in line for line in found)
