import sys
from pathlib import Path

import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.dataset_paths import resolved, written

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("text", ["a.nii", "./images/a.nii", "images/..a.nii", "a b/ü.nii", "~/a.nii", "C:a.nii"])
def test_a_relative_path_starts_at_the_folder(text):
    if sys.platform == "win32" and ":" in text:
        pytest.skip("a drive there")

    assert resolved(text, FOLDER, "here") == FOLDER / text


@pytest.mark.parametrize("text", ["../a.nii", "images/../../a.nii", "images/../a.nii", ".."])
def test_a_path_never_leaves_the_folder_by_two_dots(text):
    with pytest.raises(DatasetProblem, match=r"here: .*leaves the dataset's folder.*absolute path"):
        resolved(text, FOLDER, "here")


def test_a_path_elsewhere_is_named_whole():
    elsewhere = FOLDER.resolve().parents[0] / "other" / "a.nii"

    assert resolved(elsewhere.as_posix(), FOLDER, "here") == elsewhere


def test_backslashes_are_refused():
    with pytest.raises(DatasetProblem, match="forward slashes"):
        resolved("images\\a.nii", FOLDER, "here")


def test_a_written_path_is_resolved_to_the_same_file(tmp_path):
    for path in (tmp_path / "data" / "images" / "a.nii", tmp_path / "data", tmp_path / "else" / "a.nii"):
        assert resolved(written(path, tmp_path / "data"), tmp_path / "data", "here") == path


def test_a_sibling_whose_name_begins_alike_is_not_inside(tmp_path):
    assert Path(written(tmp_path / "data2" / "a.nii", tmp_path / "data")).is_absolute()
