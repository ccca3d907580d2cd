import numpy as np
import pytest
from PIL import Image

from napari_medkd.core.errors import InputProblem
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from napari_medkd.files.importing import write_source
from napari_medkd.files.manifest import MANIFEST, open_dataset
from tests.files.importers.imported import picture, write


@pytest.fixture
def source(tmp_path):
    for name in "abc":
        picture(tmp_path / "s" / "images" / f"{name}.png")
    write(tmp_path / "s" / "labels.csv", "image,label\na,x\nb,y\nc,x\n")
    return source_at(tmp_path / "s", ColumnWishes())


def test_a_dataset_is_never_overwritten(tmp_path, source):
    manifest = write_source(source, tmp_path / "d")
    before = manifest.read_bytes()

    with pytest.raises(InputProblem, match="never overwritten"):
        write_source(source, tmp_path / "d", "other")

    assert manifest.read_bytes() == before


@pytest.mark.parametrize("inside", [".", "out", "images/out"])
def test_nothing_is_written_into_the_source(tmp_path, source, inside):
    before = sorted((tmp_path / "s").rglob("*"))

    with pytest.raises(InputProblem, match="lies in the source"):
        write_source(source, tmp_path / "s" / inside)

    assert sorted((tmp_path / "s").rglob("*")) == before


def test_images_are_named_by_absolute_paths_wherever_the_command_was_given(tmp_path, source, monkeypatch):
    monkeypatch.chdir(tmp_path / "s")
    relative = source_at(tmp_path.joinpath("s").relative_to(tmp_path / "s"), ColumnWishes())
    write_source(relative, tmp_path / "d")
    monkeypatch.chdir(tmp_path)

    dataset = open_dataset(tmp_path / "d")

    assert dataset.case("a").images == (tmp_path / "s" / "images" / "a.png",)


def test_what_is_a_dataset_already_is_not_imported(tmp_path, source):
    write(tmp_path / "s" / MANIFEST, "{}")

    with pytest.raises(InputProblem, match="Open it as it is"):
        write_source(source, tmp_path / "d")

    assert not (tmp_path / "d").exists()


def test_the_name_is_the_folders_or_what_was_asked_for(tmp_path, source):
    assert open_dataset(write_source(source, tmp_path / "d")).name == "s"
    assert open_dataset(write_source(source, tmp_path / "e", "mine")).name == "mine"


def test_opening_a_table_tells_how_to_import_it(tmp_path, source):
    with pytest.raises(InputProblem, match=r"medkd import .*labels\.csv OUT"):
        open_dataset(tmp_path / "s" / "labels.csv")


def test_a_folder_that_cannot_be_made_is_told(tmp_path, source):
    write(tmp_path / "file", "")

    with pytest.raises(InputProblem, match="cannot be made"):
        write_source(source, tmp_path / "file" / "d")

    assert not (tmp_path / MANIFEST).exists()


def mask(path, height=30):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.resize(np.array([0, 255], np.uint8), (height, 40))).save(path)


@pytest.mark.parametrize("is_there", [False, True])
def test_an_import_that_fails_half_way_leaves_nothing_and_can_be_tried_again(tmp_path, is_there):
    for number in range(9):  # more than are written at a time
        picture(tmp_path / f"s/images/{number}.png")
        mask(tmp_path / f"s/masks/{number}_mask_1.png")
        mask(tmp_path / f"s/masks/{number}_mask_2.png", height=30 if number < 8 else 7)
    if is_there:
        (tmp_path / "d").mkdir()

    with pytest.raises(InputProblem, match=r"8_mask_2\.png: Its grid is .*, but 8_mask_1\.png's is "):
        write_source(source_at(tmp_path / "s", ColumnWishes()), tmp_path / "d")
    assert [*tmp_path.glob("d"), *tmp_path.glob("d/*")] == [tmp_path / "d"] * is_there

    mask(tmp_path / "s/masks/8_mask_2.png")
    dataset = open_dataset(write_source(source_at(tmp_path / "s", ColumnWishes()), tmp_path / "d"))
    assert {case.annotations["segmentation"].parent for case in dataset.cases} == {tmp_path / "d/labels/segmentation"}
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["labels", MANIFEST]


def test_what_a_killed_import_has_left_is_not_in_the_way(tmp_path, source):
    write(tmp_path / "d" / ".medkd-import" / "boxes" / "a.json", "")

    write_source(source, tmp_path / "d")

    assert [path.name for path in (tmp_path / "d").iterdir()] == [MANIFEST]
