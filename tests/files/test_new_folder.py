from pathlib import Path

import pytest

from napari_medkd.files.new_folder import new_folder


def test_a_folder_of_a_taken_name_gets_a_number(tmp_path: Path):
    made = [new_folder(tmp_path / "answers", "liver") for _ in range(3)]

    assert [folder.name for folder in made] == ["liver", "liver-2", "liver-3"]
    assert all(folder.is_dir() for folder in made)


def test_below_a_file_no_folder_is_made(tmp_path: Path):
    (tmp_path / "answers").write_text("")

    with pytest.raises(FileExistsError):
        new_folder(tmp_path / "answers", "liver")
