from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import zarr

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.opening import read_volume
from napari_medkd.gui.reader import get_reader, read_dicom
from napari_medkd.gui.writer import write_image, write_labels
from tests.files.dicom_series_made import save_series

napari_layers = pytest.importorskip("napari.layers")


def _opened(path: Path) -> Any:
    reader = get_reader(str(path))
    assert reader is not None
    return napari_layers.Layer.create(*reader(str(path))[0])


def _saved(array: np.ndarray, path: Path, orientation: str) -> Path:
    turn = np.deg2rad(12)
    affine = np.array(
        [
            [0.9, 0, 0, 5],
            [0, np.cos(turn), -2 * np.sin(turn), -7],
            [0, np.sin(turn), 2 * np.cos(turn), 11],
            [0, 0, 0, 1],
        ]
    )
    way = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(orientation)
    )
    nibabel.save(nibabel.Nifti1Image(array, affine).as_reoriented(way), path)
    return path


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR", "SAL"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_labels_are_saved_in_the_order_and_with_the_affine_of_their_file(
    tmp_path: Path, orientation: str, suffix: str
) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (6, 5, 4), np.uint8)
    source = _saved(labels, tmp_path / "labels.nii.gz", orientation)
    layer = _opened(source)
    out = tmp_path / f"out{suffix}"

    written = write_labels(str(out), *layer.as_layer_data_tuple()[:2])

    assert written == [str(out)]
    before, after = nibabel.load(source), nibabel.load(out)
    np.testing.assert_array_equal(np.asarray(after.dataobj), np.asarray(before.dataobj))
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-5)


def test_labels_drawn_anew_over_an_image_are_saved_on_that_images_grid(make_napari_viewer: Any, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(100, 9, (6, 5, 4)).astype(np.float32)
    source = _saved(values, tmp_path / "scan.nii.gz", "PIR")
    viewer = make_napari_viewer()
    viewer.add_layer(_opened(source))
    viewer._new_labels()
    viewer.layers[-1].data[1, 2, 3] = 7

    write_labels(str(tmp_path / "drawn.nii.gz"), *viewer.layers[-1].as_layer_data_tuple()[:2])

    scan, drawn = nibabel.load(source), nibabel.load(tmp_path / "drawn.nii.gz")
    assert drawn.shape == scan.shape
    np.testing.assert_allclose(drawn.affine, scan.affine, atol=1e-5)
    again = _opened(tmp_path / "drawn.nii.gz")
    assert again.data[1, 2, 3] == 7
    assert (again.data > 0).sum() == 1


@pytest.mark.parametrize(("unit", "mm"), [("mm", 1), ("um", 1e-3)])
def test_labels_without_any_image_of_ours_are_saved_where_they_are_drawn(tmp_path: Path, unit: str, mm: float) -> None:
    layer = napari_layers.Labels(
        np.ones((4, 5, 6), np.int64), scale=(3, 2, 1), translate=(-10, 20, 30), units=(unit,) * 3
    )

    write_labels(str(tmp_path / "free.nii.gz"), *layer.as_layer_data_tuple()[:2])

    again = _opened(tmp_path / "free.nii.gz")
    np.testing.assert_allclose(again.scale, layer.scale * mm, rtol=1e-6)
    np.testing.assert_allclose(again.translate, layer.translate * mm, atol=1e-5)


def test_a_picture_is_saved_as_png(tmp_path: Path) -> None:
    layer = napari_layers.Labels(np.arange(12).reshape(3, 4))

    write_labels(str(tmp_path / "mask.png"), *layer.as_layer_data_tuple()[:2])

    from PIL import Image

    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "mask.png")), layer.data)


def test_a_class_painted_beyond_the_task_is_kept(tmp_path: Path) -> None:
    source = _saved(np.ones((6, 5, 4), np.uint8), tmp_path / "labels.nii.gz", "RAS")
    layer = _opened(source)
    layer.data[0, 0, 0] = 5

    write_labels(str(tmp_path / "out.nii.gz"), *layer.as_layer_data_tuple()[:2])

    assert sorted(np.unique(nibabel.load(tmp_path / "out.nii.gz").dataobj)) == [1, 5]


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (np.zeros((2, 2, 2, 2), int), "mask.nii.gz", "4 axes"),
        (np.full((2, 2, 2), 70000), "mask.nii.gz", "70000"),
        (np.full((2, 2, 2), -1), "mask.nii.gz", "-1"),
        (np.zeros((2, 2, 2), int), "mask.png", "one plane"),
    ],
)
def test_what_cannot_be_saved_says_why(tmp_path: Path, data: np.ndarray, name: str, words: str) -> None:
    with pytest.raises(VolumeProblem, match=words):
        write_labels(str(tmp_path / name), data, {"name": "organs"})

    assert not (tmp_path / name).exists()


#: Those that can hold any position in space.
PLACED = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".ome.zarr")


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR", "SAL"])
@pytest.mark.parametrize("suffix", PLACED)
def test_image_and_mask_saved_in_another_format_are_where_they_were(
    tmp_path: Path, suffix: str, orientation: str
) -> None:
    values = np.random.default_rng(0).normal(100, 9, (6, 5, 4)).astype(np.float32)
    source = _saved(values, tmp_path / "scan.nii.gz", orientation)
    data, meta, _ = _opened(source).as_layer_data_tuple()

    write_image(str(tmp_path / f"image{suffix}"), data, meta)
    write_labels(str(tmp_path / f"mask{suffix}"), (data > 100).astype(np.uint8), meta)

    before = read_volume(source)
    image, mask = (read_volume(tmp_path / f"{name}{suffix}") for name in ("image", "mask"))
    np.testing.assert_array_equal(image.data, before.data)
    np.testing.assert_array_equal(mask.data, before.data > 100)
    for after in (image, mask):
        assert after.grid.shape == before.grid.shape
        np.testing.assert_allclose(after.grid.affine, before.grid.affine, atol=1e-4)


def test_an_image_is_saved_with_its_intensities_whatever_its_window(tmp_path: Path) -> None:
    values = np.arange(120, dtype=np.int16).reshape(6, 5, 4) * 30 - 1000
    layer = _opened(_saved(values, tmp_path / "ct.nii.gz", "PIR"))
    layer.contrast_limits = (0, 80)

    write_image(str(tmp_path / "out.nii.gz"), *layer.as_layer_data_tuple()[:2])

    before, after = nibabel.load(tmp_path / "ct.nii.gz"), nibabel.load(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(np.asarray(after.dataobj), np.asarray(before.dataobj))
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-5)


def test_an_image_of_others_is_saved_where_it_is_drawn(tmp_path: Path) -> None:
    layer = napari_layers.Image(np.ones((4, 5, 6), np.float32), scale=(3, 2, 1), units=("mm",) * 3)

    write_image(str(tmp_path / "out.nii"), *layer.as_layer_data_tuple()[:2])

    assert read_volume(tmp_path / "out.nii").grid.spacing == (3, 2, 1)


def test_of_several_resolutions_the_finest_is_saved(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 500, (8, 6, 4)).astype(np.uint16)
    place = {"scale": (3, 2, 1), "units": ("mm",) * 3, "multiscale": True}
    image = napari_layers.Image([values, values[::2, ::2, ::2]], **place)
    labels = napari_layers.Labels([values, values[::2, ::2, ::2]], **place)

    write_image(str(tmp_path / "image.nii"), *image.as_layer_data_tuple()[:2])
    write_labels(str(tmp_path / "labels.nii"), *labels.as_layer_data_tuple()[:2])

    for name in ("image", "labels"):
        np.testing.assert_array_equal(read_volume(tmp_path / f"{name}.nii").data[0], values)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR", "SAL"])
def test_image_and_mask_saved_as_dicom_are_where_they_were(tmp_path: Path, orientation: str) -> None:
    values = np.random.default_rng(0).integers(-1000, 3000, (6, 5, 4)).astype(np.int16)
    data, meta, _ = _opened(_saved(values, tmp_path / "scan.nii.gz", orientation)).as_layer_data_tuple()

    write_image(str(tmp_path / "image.dcm"), data, meta)
    write_labels(str(tmp_path / "mask.dcm"), (data > 100).astype(np.uint8), meta)

    before = read_volume(tmp_path / "scan.nii.gz")
    image, mask = (_opened(tmp_path / f"{name}.dcm") for name in ("image", "mask"))
    assert [type(layer).__name__ for layer in (image, mask)] == ["Image", "Labels"]
    np.testing.assert_array_equal(image.data, before.data[0])
    np.testing.assert_array_equal(mask.data, before.data[0] > 100)
    for layer in (image, mask):
        np.testing.assert_allclose(layer.scale, before.grid.spacing, atol=1e-5)
        np.testing.assert_allclose(layer.translate, meta["translate"], atol=1e-4)


def test_a_layer_that_zarr_holds_is_saved(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    layer = napari_layers.Image(zarr.array(values))

    write_image(str(tmp_path / "image.nii"), *layer.as_layer_data_tuple()[:2])

    np.testing.assert_array_equal(read_volume(tmp_path / "image.nii").data[0], values)


def test_a_series_of_ct_is_saved_as_ct(tmp_path: Path) -> None:
    save_series(tmp_path / "scan", np.arange(60, dtype=np.uint16).reshape(3, 4, 5), RescaleIntercept=-1024)
    [(data, meta, _)] = read_dicom(str(tmp_path / "scan"))

    write_image(str(tmp_path / "image.dcm"), data, meta)

    again = read_volume(tmp_path / "image.dcm")
    assert (again.modality, again.data.min()) == (Modality.CT, -1024)


def test_a_picture_in_colour_is_saved_in_every_format_that_has_colour(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    layer = napari_layers.Image(pixels, rgb=True)

    for suffix in (".png", ".tif", ".dcm"):
        write_image(str(tmp_path / f"photo{suffix}"), *layer.as_layer_data_tuple()[:2])

        again = read_volume(tmp_path / f"photo{suffix}")
        np.testing.assert_array_equal(np.moveaxis(again.data[:, 0], 0, -1), pixels)


def test_a_film_is_not_saved_as_an_image(tmp_path: Path) -> None:
    with pytest.raises(VolumeProblem, match="4 axes"):
        write_image(str(tmp_path / "film.nii"), np.zeros((2, 2, 2, 2)), {"name": "film"})

    assert not (tmp_path / "film.nii").exists()
