"""What is chosen from the data where a person left it open."""

from dataclasses import replace

import numpy as np
import pytest

from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import IntensityRule, PreprocessingWishes
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.engine.data.choose import choose_preprocessing
from napari_medkd.files.opening import write_volume

pytestmark = pytest.mark.engine

SHAPES = {"small": (20, 30, 40), "middle": (22, 34, 40), "large": (24, 38, 44)}


def dataset_of(folder, shapes, modality=Modality.MR, spacing=(2.0, 1.0, 1.0)) -> Dataset:
    cases = []
    for name, shape in shapes.items():
        volume = Volume(np.zeros((1, *shape), np.float32), Grid.upright(shape, spacing))
        write_volume(folder / f"{name}.nii.gz", volume)
        cases.append(Case(name, (folder / f"{name}.nii.gz",), group=name))
    return Dataset("made", ("image",), modality, {}, tuple(cases), Split(tuple(shapes)), folder=folder)


def chosen(dataset, wishes=None, on_gpu=False, whole=False, divisor=8):
    names = tuple(case.id for case in dataset.cases)
    return choose_preprocessing(dataset, names, wishes or PreprocessingWishes(), divisor, on_gpu=on_gpu, whole=whole)


def test_spacing_and_patch_are_medians_and_the_patch_is_divisible(tmp_path):
    found = chosen(dataset_of(tmp_path, SHAPES))

    assert found.dimensions == 3
    assert found.spacing == (2.0, 1.0, 1.0)
    assert found.patch == (24, 40, 40)


def test_images_in_mm_beside_images_in_pixels_are_refused(tmp_path):
    scans = dataset_of(tmp_path, {"scan": (1, 30, 40)})
    write_volume(
        tmp_path / "photo.png", Volume(np.zeros((1, 1, 30, 40), np.uint8), Grid.upright((1, 30, 40), unit="pixel"))
    )
    photo = Case("photo", (tmp_path / "photo.png",), group="photo")

    assert chosen(scans).unit == "mm"
    assert chosen(replace(scans, cases=(photo,), split=Split(("photo",)))).unit == "pixel"
    with pytest.raises(DatasetProblem, match="scan is measured in mm, and photo in pixels"):
        chosen(replace(scans, cases=(*scans.cases, photo)))


def test_a_patch_is_cut_down_where_a_step_would_be_slow_and_larger_on_a_gpu(tmp_path):
    dataset = dataset_of(tmp_path, {"one": (100, 100, 100)}, spacing=(1.0, 1.0, 1.0))

    assert np.prod(chosen(dataset).patch) <= 48**3
    assert chosen(dataset, on_gpu=True).patch == (104, 104, 104)


def test_a_patch_of_few_steps_of_a_deep_network_is_cut_down_a_step_at_a_time(tmp_path):
    dataset = dataset_of(tmp_path, {"one": (35, 51, 35)}, spacing=(1.0, 1.0, 1.0))

    assert chosen(dataset, divisor=32).patch == (32, 32, 64)


def test_images_seen_as_a_whole_stay_as_fine_as_the_finest(tmp_path):
    fine = dataset_of(tmp_path, {"fine": (20, 30, 40)}, spacing=(2.0, 1.0, 1.0))
    coarse = dataset_of(tmp_path, {"coarse": (20, 30, 40), "other": (20, 30, 40)}, spacing=(2.0, 3.0, 3.0))
    both = replace(fine, cases=(*fine.cases, *coarse.cases))

    assert chosen(both, whole=True).spacing == (2.0, 1.0, 1.0)
    assert chosen(both, PreprocessingWishes(spacing=(2.0, 3.0, 3.0)), whole=True).patch == (24, 32, 40)
    assert chosen(both, PreprocessingWishes(spacing=(4.0, 6.0, 6.0)), whole=True).patch == (16, 16, 24)


def test_flat_images_are_for_a_2d_network(tmp_path):
    found = chosen(dataset_of(tmp_path, {"one": (1, 60, 60)}))

    assert found.dimensions == 2
    assert found.patch == (1, 64, 64)


def test_ct_takes_a_soft_tissue_window_and_others_percentiles(tmp_path):
    assert chosen(dataset_of(tmp_path, SHAPES, Modality.CT)).intensity.kind == "window"
    assert chosen(dataset_of(tmp_path, SHAPES)).intensity == IntensityRule()


@pytest.mark.parametrize(
    ("channels", "kind"),
    [(("CT",), "window"), (("CT 0", "CT 1"), "window"), (("CT", "PET"), "percentiles"), (("a", "b"), "percentiles")],
)
def test_hounsfield_units_are_taken_where_every_channel_is_ct(tmp_path, channels, kind):
    paths = tuple(tmp_path / f"{number}.nii.gz" for number, _ in enumerate(channels))
    for path in paths:
        write_volume(path, Volume(np.zeros((1, 20, 30, 40), np.float32), Grid.upright((20, 30, 40), (2.0, 1.0, 1.0))))
    dataset = Dataset("made", channels, Modality.CT, {}, (Case("a", paths, "a"),), Split(("a",)), folder=tmp_path)

    assert chosen(dataset).intensity.kind == kind


def test_what_a_person_fixed_is_kept(tmp_path):
    wishes = PreprocessingWishes(spacing=(3.0, 3.0, 3.0), patch=(16, 16, 16), intensity=IntensityRule(low=1, high=99))

    found = chosen(dataset_of(tmp_path, SHAPES), wishes)

    assert (found.spacing, found.patch, found.intensity) == (wishes.spacing, wishes.patch, wishes.intensity)


def test_a_patch_that_cannot_be_halved_is_refused(tmp_path):
    with pytest.raises(DatasetProblem, match="multiples of 8"):
        chosen(dataset_of(tmp_path, SHAPES), PreprocessingWishes(patch=(20, 16, 16)))


def test_a_patch_of_several_planes_is_refused_for_2d_images(tmp_path):
    with pytest.raises(DatasetProblem, match=r"has 8 planes; the images are 2-D\. Choose 1 for its first size") as told:
        chosen(dataset_of(tmp_path, {"one": (1, 60, 60)}), PreprocessingWishes(patch=(8, 64, 64)))

    assert told.value.problems[0].where == "preprocessing.patch"


def test_images_too_small_for_the_network_are_refused(tmp_path):
    with pytest.raises(DatasetProblem, match=r"leaves a single one .+ fewer network levels"):
        chosen(dataset_of(tmp_path, {"tiny": (8, 8, 8)}, spacing=(1.0, 1.0, 1.0)))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"low": -160, "high": 240}, "no percentiles .+ take kind 'window'"),
        ({"low": 98, "high": 2}, "low must be the smaller"),
        ({"kind": "window", "low": 5, "high": 5}, "low must be the smaller"),
    ],
)
def test_bounds_that_cannot_be_are_refused(rule, said):
    with pytest.raises(ValueError, match=said):
        IntensityRule(**rule)


def test_flat_and_deep_images_are_not_mixed(tmp_path):
    with pytest.raises(DatasetProblem, match="flat is a 2-D image and deep a 3-D one"):
        chosen(dataset_of(tmp_path, {"flat": (1, 40, 40), "deep": (20, 40, 40)}))
