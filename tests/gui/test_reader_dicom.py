from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.files.dicom_series import list_series
from napari_medkd.files.opening import write_mask
from napari_medkd.files.series_path import picking
from napari_medkd.gui.reader import get_reader
from tests.files.dicom_series_made import PATIENT, save_series

pytest.importorskip("napari")

PIXELS = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What napari was asked to tell the person."""
    messages: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_info", messages.append)
    return messages


def opened(path: Path) -> list[tuple]:
    reader = get_reader(str(path))
    assert reader is not None
    return reader(str(path))


def test_folders_without_dicom_are_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/readme").write_text("no" * 400)
    (tmp_path / "picture.png").write_bytes(b"no")

    assert get_reader(str(tmp_path)) is None


def test_a_folder_of_one_series_opens_as_one_layer_that_names_nobody(tmp_path: Path, said: list[str]) -> None:
    save_series(tmp_path / "scan/1", PIXELS, names=["a", "b", "c"], SeriesDescription=PATIENT)

    [(data, keywords, kind)] = opened(tmp_path / "scan")

    assert kind == "image"
    assert (keywords["name"], keywords["scale"]) == ("scan", (2.0, 1.0, 0.5))
    assert keywords["metadata"]["medkd"]["source"] == str(tmp_path / "scan")
    assert keywords["metadata"]["medkd"]["modality"] == "CT"
    np.testing.assert_array_equal(data, PIXELS[::-1])
    assert PATIENT not in str(keywords)
    assert said == []


def test_a_single_file_opens_by_its_suffix(tmp_path: Path) -> None:
    [path] = save_series(tmp_path, PIXELS[:1], names=["SLICE.DCM"])

    [(data, keywords, _)] = opened(path)

    assert keywords["name"] == "SLICE"
    np.testing.assert_array_equal(data, PIXELS[0])


def test_of_several_series_the_largest_opens_and_the_others_are_told(tmp_path: Path, said: list[str]) -> None:
    for name, count in (("a", 1), ("b", 3), ("c", 2)):
        save_series(tmp_path / name, PIXELS[:count], SeriesDescription=PATIENT)
    largest, second, _ = list_series(tmp_path).series

    [(data, keywords, _)] = opened(tmp_path)

    assert data.shape == (3, 4, 5)
    assert keywords["metadata"]["medkd"]["source"] == str(picking(tmp_path, largest.key))
    [message] = said
    assert "3 DICOM images" in message
    assert "2 others are not shown" in message
    assert str(picking(tmp_path, second.key)) in message
    assert PATIENT not in message


def test_a_damaged_series_is_told_by_its_file(tmp_path: Path) -> None:
    paths = save_series(tmp_path, np.zeros((2, 64, 64), np.uint16))
    paths[1].write_bytes(paths[1].read_bytes()[:4000])

    with pytest.raises(VolumeProblem, match=r"001\.dcm: The file is incomplete"):
        opened(tmp_path)


def test_a_segmentation_opens_as_labels_with_the_names_of_its_segments(tmp_path: Path) -> None:
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2, 3] = 2
    task = Task("organs", "segmentation", ("background", "liver", "spleen"))
    write_mask(tmp_path / "mask.dcm", Mask(labels, Grid.upright(labels.shape, (2.0, 1.0, 0.5)), task))

    [(data, keywords, kind)] = opened(tmp_path / "mask.dcm")

    assert (kind, keywords["name"], keywords["scale"]) == ("labels", "mask", (2.0, 1.0, 0.5))
    assert keywords["metadata"]["medkd"]["task"]["classes"] == ("background", "liver", "spleen")
    np.testing.assert_array_equal(data, labels)


def test_a_folder_with_a_segmentation_beside_its_series_opens_the_series(tmp_path: Path, said: list[str]) -> None:
    save_series(tmp_path, PIXELS)
    write_mask(
        tmp_path / "mask.dcm",
        Mask(np.ones((3, 4, 5), np.uint8), Grid.upright((3, 4, 5)), Task("a", "segmentation", ("background", "b"))),
    )

    [(data, _, kind)] = opened(tmp_path)

    assert (kind, data.shape) == ("image", (3, 4, 5))
    assert said == []
