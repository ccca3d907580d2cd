"""A folder of numbered pictures is a volume, in the order of its numbers; what is no stack is told."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from napari_medkd.files.opening import read_mask, read_volume, write_volume
from tests.files.dicom_series_made import save_series

LESION = Task("lesion", "segmentation", ("background", "lesion"))
STACK = np.random.default_rng(0).integers(0, 256, (12, 5, 7), dtype=np.uint8)
MANIFEST = """{
    "schema_version": 1, "name": "slices", "modality": "MR", "channels": ["image"],
    "tasks": {"lesion": {"kind": "segmentation", "classes": ["background", "lesion"]}},
    "cases": [{"id": "a", "images": ["a"], "annotations": {"lesion": "a_mask"}}]
}"""


def save(folder: Path, names: list[str], planes: np.ndarray = STACK) -> Path:
    folder.mkdir(exist_ok=True)
    for name, plane in zip(names, planes, strict=False):
        Image.fromarray(plane).save(folder / name)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(VolumeProblem) as error:
        read_volume(folder)
    (problem,) = error.value.problems
    assert problem.where.startswith(str(folder))
    assert problem.hint
    return f"{Path(problem.where).name}: {problem.problem}"


@pytest.mark.parametrize("pattern", ["slice_{}.png", "{:03d}.png", "MR7 series 2 - {}.TIF", "{}.Tiff"])
def test_slices_are_in_the_order_of_their_numbers(tmp_path, pattern):
    volume = read_volume(save(tmp_path / "a", [pattern.format(n) for n in range(1, 13)]))

    np.testing.assert_array_equal(volume.data[0], STACK)
    assert (volume.grid.shape, volume.grid.unit) == ((12, 5, 7), "pixel")
    assert volume.source == tmp_path / "a"


def test_numbers_may_go_in_steps(tmp_path):
    assert read_volume(save(tmp_path / "a", [f"{n}.png" for n in (10, 20, 30)])).grid.shape == (3, 5, 7)


def test_one_picture_is_a_stack_of_one(tmp_path):
    assert read_volume(save(tmp_path / "a", ["only.png"])).grid.shape == (1, 5, 7)


def test_hidden_files_and_other_kinds_are_left_out(tmp_path):
    folder = save(tmp_path / "a", ["1.png", "2.png"])
    (folder / "._1.png").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")

    assert read_volume(folder).grid.shape == (2, 5, 7)


def test_a_black_slice_among_coloured_ones_has_their_channels(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)

    volume = read_volume(save(tmp_path / "a", ["1.png", "2.png"], np.stack([np.zeros_like(colour[0]), colour[1]])))

    assert volume.channels == ("red", "green", "blue")
    np.testing.assert_array_equal(volume.data[:, 0], 0)
    np.testing.assert_array_equal(volume.data[:, 1], colour[1].transpose(2, 0, 1))


def test_masks_may_be_stacks_too(tmp_path):
    folder = save(tmp_path / "a", ["1.png", "2.png"], (STACK > 128).astype(np.uint8) * 255)

    np.testing.assert_array_equal(read_mask(folder, LESION).labels, STACK[:2] > 128)


def test_a_stack_may_be_a_case_of_a_dataset(tmp_path):
    names = [f"{n}.png" for n in range(4)]
    save(tmp_path / "a", names)
    save(tmp_path / "a_mask", names, (STACK > 128).astype(np.uint8))
    (tmp_path / "medkd-dataset.json").write_text(MANIFEST)

    assert problems_of_dataset(open_dataset(tmp_path), read_images=True) == []


def test_slices_of_dicom_come_before_pictures_of_them(tmp_path):
    save_series(tmp_path / "a", STACK[:3].astype(np.uint16))
    save(tmp_path / "a", ["preview1.png", "preview2.png"])

    assert read_volume(tmp_path / "a").grid.unit == "mm"


def test_a_folder_of_pictures_is_not_written(tmp_path):
    volume = read_volume(save(tmp_path / "a", ["1.png", "2.png"]))

    with pytest.raises(VolumeProblem, match=r"is read here, not written.*\.tif"):
        write_volume(tmp_path / "a", volume)


# ---------------------------------------------------------------- what is no stack


def test_slices_of_two_sizes_are_told(tmp_path):
    folder = save(tmp_path / "a", ["1.png", "2.png"])
    Image.fromarray(STACK[0].T).save(folder / "3.png")

    assert refused(folder) == "3.png: This slice is 7 x 5 pixels of uint8, but 1.png is 5 x 7 pixels of uint8."


def test_slices_of_two_depths_are_told(tmp_path):
    folder = save(tmp_path / "a", ["1.png", "2.png"])
    Image.fromarray(STACK[0].astype(np.uint16)).save(folder / "3.png")

    assert "of uint16, but 1.png is" in refused(folder)


def test_missing_slices_are_told_with_where(tmp_path):
    folder = save(tmp_path / "a", [f"s{n}.png" for n in (1, 2, 4, 5, 9, 10)])

    assert refused(folder) == "a: Slices are missing: s4.png comes after s2.png; s9.png comes after s5.png."


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["front.png", "back.png"], "front.png are not named as slices of one stack"),
        (["1.png", "2.jpg"], "1.png and 2.jpg are not named as slices of one stack"),
        (["a1_b1.png", "a2_b2.png"], "The names of its 2 pictures differ in several numbers"),
        (["1.png", "01.png"], "The names of its 2 pictures differ in no number"),
        (["1.png", "01.png", "2.png"], "Two of its pictures have the same number"),
    ],
)
def test_names_that_do_not_say_the_order_are_refused(tmp_path, names, said):
    assert said in refused(save(tmp_path / "a", names))


def test_a_damaged_slice_is_told_by_its_name(tmp_path):
    folder = save(tmp_path / "a", ["1.png", "2.png"])
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:60])

    assert refused(folder).startswith("2.png: The picture is damaged")


def test_a_slice_that_is_a_stack_itself_is_refused(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    for name in ("1.tif", "2.tif"):
        tifffile.imwrite(folder / name, STACK, photometric="minisblack")

    assert "This slice is 12 planes of 5 x 7" in refused(folder)


def test_a_stack_larger_than_the_memory_is_refused_after_its_first_slice(tmp_path, monkeypatch):
    class Memory:
        available = 700

    folder = save(tmp_path / "a", [f"{n}.png" for n in range(12)])
    monkeypatch.setattr("psutil.virtual_memory", Memory)

    assert "GiB of memory" in refused(folder)
