import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.image_index import ImageIndex, case_ids
from tests.files.importers.imported import picture


@pytest.mark.parametrize(
    "name", ["x/a.b.png", "a.b.png", "a.b", "x/a.b", "./x/a.b.png", "x\\a.b.png", " a.b.png ", "y.png", "deep/er/y"]
)
def test_an_image_is_found_by_its_name_with_and_without_folders_and_suffix(tmp_path, name):
    found = {"a.b": picture(tmp_path / "x" / "a.b.png"), "y": picture(tmp_path / "deep" / "er" / "y.png")}

    assert ImageIndex(tmp_path).find(name) == found["y" if "y" in name else "a.b"]


@pytest.mark.parametrize("name", ["", ".", "b.png", "z/a.png", "a.jpg", "x/x/a.png", "a.png/a.png"])
def test_other_names_find_nothing(tmp_path, name):
    picture(tmp_path / "x" / "a.png")

    assert ImageIndex(tmp_path).find(name) is None


@pytest.mark.parametrize("name", ["s/x/a.png", "{above}/s/x/a.png", "{root}/s/x/a.png", "{root}\\s\\x\\a.png"])
def test_a_name_may_begin_above_the_folder_as_long_as_it_leads_into_it(tmp_path, name):
    image = picture(tmp_path / "s" / "x" / "a.png")

    found = ImageIndex(tmp_path / "s").find(name.format(above=tmp_path.name, root=tmp_path.as_posix()))

    assert found == image


def test_a_name_that_begins_in_another_folder_finds_nothing(tmp_path):
    picture(tmp_path / "s" / "x" / "a.png")

    assert ImageIndex(tmp_path / "s").find("t/x/a.png") is None


@pytest.mark.parametrize("name", ["../a.png", "x/../../a.png", "/a.png", "C:\\a.png", "..\\a.png"])
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    picture(tmp_path / "a.png")
    picture(tmp_path / "s" / "x" / "a.png")

    with pytest.raises(DatasetProblem, match="leaves the folder"):
        ImageIndex(tmp_path / "s").find(name)


def test_linked_folders_and_hidden_files_are_not_looked_into(tmp_path):
    picture(tmp_path / "elsewhere" / "a.png")
    picture(tmp_path / "s" / ".cache" / "b.png")
    picture(tmp_path / "s" / "._c.png")
    (tmp_path / "s" / "linked").symlink_to(tmp_path / "elsewhere")

    assert list(ImageIndex(tmp_path / "s")) == []


def test_a_link_inside_the_folder_is_an_image(tmp_path):
    original = picture(tmp_path / "store" / "1.png")
    (tmp_path / "a.png").symlink_to(original)

    assert ImageIndex(tmp_path).find("a") == tmp_path / "a.png"


def test_cases_are_called_like_their_images_and_by_their_folders_where_names_repeat(tmp_path):
    paths = [tmp_path / name for name in ("x/a.png", "y/a.png", "y/b.png")]

    assert list(case_ids(paths, tmp_path).values()) == ["x_a", "y_a", "b"]


def test_a_prefix_ends_where_a_word_does(tmp_path):
    picture(tmp_path / "OAS1_1_mpr.png")
    picture(tmp_path / "OAS1_12.png")

    assert [path.name for path in ImageIndex(tmp_path).starting_with("OAS1_1")] == ["OAS1_1_mpr.png"]
