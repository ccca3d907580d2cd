from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from napari_medkd.files.opening import read_volume
from tests.files.importers.imported import case_labels, imported

COUNTS = {"train": 4, "val": 2, "test": 3}


def saved(path: Path, *shape: int, labels: tuple[tuple[int, ...], ...] = ((0,), (1,)), compressed: bool = True) -> Path:
    """Write a set whose pixels are all different from one image to the next; labels are taken in turn."""
    arrays = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    for side, count in COUNTS.items():
        values = np.arange(count * int(np.prod(shape))) * 7 + len(side)
        arrays[f"{side}_images"] = (values % 251).astype(np.uint8).reshape(count, *shape)
        arrays[f"{side}_labels"] = np.array([labels[number % len(labels)] for number in range(count)], np.uint8)
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    ("shape", "suffix", "num_channels"), [((6, 5), ".png", 1), ((6, 5, 3), ".png", 3), ((4, 6, 5), ".tif", 1)]
)
def test_grey_colour_and_volumes_keep_every_pixel_and_the_official_sides(
    tmp_path, shape, suffix, num_channels, compressed
):
    path = saved(tmp_path / "s" / "set.npz", *shape, compressed=compressed)

    dataset, _ = imported(path, tmp_path / "d")

    stored = np.load(path)["val_images"][1]
    read = read_volume(dataset.case("val_1").images, channels=dataset.channels)
    expected = np.moveaxis(stored, -1, 0)[:, None] if num_channels == 3 else stored.reshape(1, -1, 6, 5)
    np.testing.assert_array_equal(read.data, expected)
    assert (read.grid.unit, dataset.case("val_1").images[0].suffix) == ("pixel", suffix)
    assert [len(side) for side in (dataset.split.train, dataset.split.validate, dataset.split.test)] == [4, 2, 3]
    assert case_labels(dataset, "class")["val_1"] == {"class 1"}


def test_known_sets_have_their_classes_names(tmp_path):
    dataset, _ = imported(saved(tmp_path / "s" / "pneumoniamnist_64.npz", 6, 5).parent, tmp_path / "d")

    assert dataset.task("class").classes == ("normal", "pneumonia")
    assert (dataset.name, dataset.modality) == ("pneumoniamnist_64", Modality.XR)


def test_several_labels_a_row_may_be_present_together(tmp_path):
    path = saved(tmp_path / "s" / "set.npz", 6, 5, labels=((1, 0, 1), (0, 0, 0)))

    dataset, _ = imported(path, tmp_path / "d")

    assert dataset.task("class").multilabel
    assert case_labels(dataset, "class")["train_0"] == {"class 0", "class 2"}
    assert case_labels(dataset, "class")["train_1"] == set()


def test_objects_are_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path(tmp_path / "sprung").touch, ())

    images = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "set.npz", train_images=images, train_labels=np.zeros((1, 1), np.uint8))

    with pytest.raises(DatasetProblem, match="expected numbers"):
        source_at(tmp_path / "set.npz", ColumnWishes())

    assert not (tmp_path / "sprung").exists()


def test_all_sides_that_do_not_fit_are_told(tmp_path):
    np.savez(
        tmp_path / "set.npz",
        train_images=np.zeros((3, 4, 4), np.float32),
        train_labels=np.zeros((3, 1), np.uint8),
        test_images=np.zeros((3, 4, 4), np.uint8),
        test_labels=np.zeros((2, 1), np.uint8),
    )

    with pytest.raises(DatasetProblem) as caught:
        source_at(tmp_path / "set.npz", ColumnWishes())

    assert [("float32" in str(found), "labels of shape (2, 1)" in str(found)) for found in caught.value.problems] == [
        (True, False),
        (False, True),
    ]


def test_a_header_that_promises_too_much_is_refused(tmp_path):
    import io
    import zipfile

    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10, 100_000, 100_000)}
    )
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("train_images.npy", header.getvalue())
        archive.writestr("train_labels.npy", header.getvalue())

    with pytest.raises(DatasetProblem, match="too large"):
        source_at(tmp_path / "set.npz", ColumnWishes())


def test_a_file_that_ends_too_soon_is_refused(tmp_path):
    content = saved(tmp_path / "whole.npz", 6, 5).read_bytes()
    (tmp_path / "set.npz").write_bytes(content[: len(content) // 2])

    with pytest.raises(DatasetProblem, match="damaged"):
        source_at(tmp_path / "set.npz", ColumnWishes())


def test_another_npz_file_is_told_what_was_looked_for(tmp_path):
    np.savez(tmp_path / "set.npz", weights=np.zeros(3))

    with pytest.raises(DatasetProblem, match=r"\.npz file of a MedMNIST set"):
        source_at(tmp_path / "set.npz", ColumnWishes())
