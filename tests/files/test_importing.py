import pytest

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
