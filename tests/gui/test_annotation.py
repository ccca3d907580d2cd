from dataclasses import replace

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import DatasetProblem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.annotation import NEW_TASK, Annotation, task_to_paint
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.shown_case import ShownCase
from tests.gui.annotating import annotation_on, draft_on, drawn_by_a_student, paint, unpainted

pytestmark = pytest.mark.gui


@pytest.fixture
def annotation(viewer, tiny_dataset, tmp_path):
    return annotation_on(viewer, unpainted(tiny_dataset, tmp_path))


def test_a_mask_begins_empty_on_its_image_and_ready_to_paint(viewer, annotation):
    image = viewer.layers[0]

    assert annotation.layer.data.shape == image.data.shape
    assert np.allclose(annotation.layer.scale, image.scale)
    assert np.allclose(annotation.layer.translate, image.translate)
    assert str(annotation.layer.mode) == "paint"
    assert annotation.layer.selected_label == 1
    assert viewer.layers.selection.active == annotation.layer
    assert not annotation.snapshot().labels.any()


def test_what_is_painted_is_counted_in_ml(annotation):
    paint(annotation, 4)
    paint(annotation, 8)

    found = annotation.painted(annotation.snapshot())

    # Two squares of 7 x 7 voxels of 1.5 x 1 x 1 mm.
    assert found.classes[0].volume == pytest.approx(2 * 49 * 1.5 / 1000)
    assert (found.num_painted, found.num_empty) == (2, 3)


def test_interpolation_is_one_step_that_can_be_undone(annotation):
    paint(annotation, 4)
    paint(annotation, 8)
    before = annotation.snapshot().labels

    annotation.interpolate()
    assert annotation.painted(annotation.snapshot()).num_empty == 0
    annotation.layer.undo()

    assert np.array_equal(annotation.snapshot().labels, before)
    annotation.interpolate()
    assert annotation.painted(annotation.snapshot()).num_empty == 0


def test_classes_on_different_slices_are_interpolated_each_by_itself(annotation):
    annotation.add_class("vein")
    for z in (2, 6, 10):
        paint(annotation, z, low=2, high=10)
    for z in (4, 8):
        paint(annotation, z, value=2, low=12, high=20)

    assert annotation.interpolate() is None

    assert (annotation.layer.data == 1).sum() == 9 * 8 * 8
    assert (annotation.layer.data == 2).sum() == 5 * 8 * 8
    assert [one.num_missing for one in annotation.painted(annotation.snapshot()).classes] == [0, 0]


def test_a_gap_between_slices_of_different_classes_is_told_not_passed_over(annotation):
    annotation.add_class("vein")
    paint(annotation, 2)
    paint(annotation, 8, value=2)
    before = annotation.snapshot().labels

    told = annotation.interpolate()

    assert "Nothing could be filled" in told.problem
    assert "on both sides" in told.hint
    assert np.array_equal(annotation.snapshot().labels, before)


def test_slices_are_counted_along_the_slider(viewer, annotation):
    annotation.layer.data[5:9, 4, 5:9] = 1
    annotation.layer.data[5:9, 7, 5:9] = 1
    viewer.dims.order = (1, 0, 2)

    assert annotation.painted(annotation.snapshot()).num_empty == 2
    annotation.interpolate()

    assert annotation.layer.data[5:9, 5:7, 5:9].all()


@pytest.mark.parametrize(
    ("order", "axis"), [((0, 1, 2, 3), 0), ((0, 3, 1, 2), 2), ((3, 0, 1, 2), 2)], ids=["axial", "sagittal", "rolled"]
)
def test_beside_a_layer_of_more_axes_slices_lie_across_the_images_own(viewer, annotation, order, axis):
    viewer.add_image(np.zeros((2, 4, 4, 4)))

    viewer.dims.order = order

    assert annotation.slice_axis == axis


def test_smoothing_takes_a_speck_away(annotation):
    for z in range(4, 10):
        paint(annotation, z)
    annotation.layer.data[20, 20, 20] = 1

    annotation.smooth()

    assert annotation.layer.data[20, 20, 20] == 0
    assert annotation.layer.data[7, 8, 8] == 1


def test_what_is_painted_on_every_fifth_slice_survives_smoothing(annotation):
    for z in (4, 9, 14, 19):
        paint(annotation, z, low=4, high=20)

    assert annotation.smooth() is None

    # Each square of 16 x 16 pixels loses its four corners.
    assert (annotation.layer.data > 0).sum() == 4 * (16 * 16 - 4)
    annotation.layer.undo()
    assert (annotation.layer.data > 0).sum() == 4 * 16 * 16


def test_a_thin_line_survives_smoothing_and_the_person_hears_why(annotation):
    annotation.layer.data[9, 9, 2:22] = 1

    told = annotation.smooth()

    assert annotation.layer.data[9, 9, 2:22].all()
    assert (annotation.layer.data > 0).sum() == 20
    assert told.where == "structure 1"
    assert "stays as it is" in told.problem


def test_classes_are_added_renamed_recoloured_and_taken_away(annotation):
    annotation.add_class("vein")
    annotation.rename_class(1, "artery")
    annotation.recolour_class(2, "#102030")

    assert annotation.task.classes == ("background", "artery", "vein")
    assert annotation.layer.selected_label == 2
    assert np.allclose(annotation.layer.get_color(2)[:3], np.array([0x10, 0x20, 0x30]) / 255, atol=0.01)
    first_colour = annotation.layer.get_color(1)

    annotation.remove_last_class()

    assert annotation.task.classes == ("background", "artery")
    assert annotation.layer.selected_label == 1
    assert np.array_equal(annotation.layer.get_color(1), first_colour)


def test_what_another_plugin_stored_beside_the_class_names_stays_when_a_class_is_added(annotation):
    stored = {"index": [0, 1], "class": ["background", "structure 1"], "area": [0, 60]}
    annotation.layer.features = stored

    annotation.add_class("vein")

    assert annotation.layer.features.to_dict("list") == stored


def test_a_class_that_is_painted_is_not_taken_away(annotation):
    annotation.add_class("vein")
    paint(annotation, 4, value=2)

    with pytest.raises(VolumeProblem, match="Something is painted"):
        annotation.remove_last_class()


def test_a_class_that_another_cases_mask_may_hold_is_not_taken_away(viewer, tiny_dataset):
    dataset = open_dataset(tiny_dataset)
    annotation = annotation_on(viewer, dataset, task=dataset.task("shapes"))
    annotation.layer.data[:] = 0

    with pytest.raises(VolumeProblem, match=r"other cases may hold this one: case_1.*Rename the class"):
        annotation.remove_last_class()

    assert annotation.task == dataset.task("shapes")


def test_a_class_that_was_added_just_now_is_taken_away_though_other_cases_have_masks(viewer, tiny_dataset):
    dataset = open_dataset(tiny_dataset)
    annotation = annotation_on(viewer, dataset, task=dataset.task("shapes"))
    annotation.add_class("tube")

    annotation.remove_last_class()

    assert annotation.task.classes == dataset.task("shapes").classes


def test_two_classes_of_one_name_are_refused(annotation):
    with pytest.raises(DatasetProblem, match="its own name"):
        annotation.add_class("structure 1")

    assert len(annotation.task.classes) == 2


def test_a_label_beyond_the_classes_is_named_not_saved(annotation):
    paint(annotation, 4, value=7)

    with pytest.raises(VolumeProblem, match=r"labels \[7\].*ends with 1, 'structure 1'.*until the list has label 7"):
        annotation.snapshot()


def test_a_class_that_is_taken_off_and_comes_back_with_undo_can_be_added_again(annotation):
    annotation.add_class("vein")
    annotation.layer.data_setitem((np.array([4]), np.array([5]), np.array([6])), 2)
    annotation.layer.data_setitem((np.array([4]), np.array([5]), np.array([6])), 0)
    annotation.remove_last_class()
    annotation.layer.undo()

    with pytest.raises(VolumeProblem, match="Press Add class"):
        annotation.snapshot()
    annotation.add_class("vein")

    assert annotation.snapshot().labels[4, 5, 6] == 2


@pytest.mark.parametrize("name", ["", "  "])
def test_a_class_keeps_its_name_where_the_new_one_is_empty(annotation, name):
    with pytest.raises(DatasetProblem, match="has no name"):
        annotation.rename_class(1, name)

    assert annotation.task.classes == ("background", "structure 1")


def test_the_mask_a_case_has_is_painted_on(viewer, tiny_dataset):
    dataset = open_dataset(tiny_dataset)

    annotation = annotation_on(viewer, dataset, task=dataset.task("shapes"))

    truth = next(layer for layer in viewer.layers if layer.name.endswith("shapes (truth)"))
    assert not truth.visible
    assert np.array_equal(annotation.layer.data, truth.data)
    annotation.layer.data[0, 0, 0] = 1
    assert truth.data[0, 0, 0] == 0


def test_the_mask_a_case_has_is_painted_on_though_its_layer_is_hidden_or_gone(viewer, tiny_dataset):
    dataset = open_dataset(tiny_dataset)
    case = dataset.case("case_0")
    layers = ShownCase(viewer).show(case_layers(dataset, case))
    known = viewer.layers[1].data.copy()
    viewer.layers[1].visible = False

    hidden = Annotation(viewer, dataset, case, dataset.task("shapes"), layers[0])
    viewer.layers.remove(viewer.layers[1])
    gone = Annotation(viewer, dataset, case, dataset.task("shapes"), layers[0])

    assert np.array_equal(hidden.layer.data, known)
    assert np.array_equal(gone.layer.data, known)


def test_another_cases_mask_on_the_canvas_is_not_painted_on(viewer, tiny_dataset, tmp_path):
    dataset = unpainted(tiny_dataset, tmp_path)
    first = annotation_on(viewer, dataset)
    paint(first, 4)
    first.close()

    second = annotation_on(viewer, dataset, "case_1")

    assert not second.snapshot().labels.any()
    assert first.layer.visible


def test_what_could_not_be_saved_is_refused_before_it_is_painted(viewer, tiny_dataset):
    dataset = replace(open_dataset(tiny_dataset), label_maps={"shapes": LabelMap({5: 1, 3: 2})})
    annotation = annotation_on(viewer, dataset, task=dataset.task("shapes"))

    with pytest.raises(DatasetProblem, match="No stored label is read as 'tube'"):
        annotation.add_class("tube")

    assert "tube" not in annotation.task.classes


def test_a_students_mask_is_corrected_in_a_copy_of_it_for_its_own_task(viewer, tiny_dataset, tmp_path):
    start = drawn_by_a_student(tiny_dataset)

    annotation = draft_on(viewer, unpainted(tiny_dataset, tmp_path), start)

    assert annotation.task == start.task
    assert np.array_equal(annotation.layer.data, start.labels)
    annotation.layer.data[0, 0, 0] = 1
    assert start.labels[0, 0, 0] == 0


def test_a_students_mask_of_another_grid_is_brought_onto_the_images(viewer, tiny_dataset, tmp_path):
    start = drawn_by_a_student(tiny_dataset)
    affine = start.grid.affine.copy()
    affine[:3, 3] = start.grid.to_world(np.array([[2, 0, 0]]))[0]
    cut = Mask(start.labels[2:], Grid((22, 24, 24), affine), start.task)

    annotation = draft_on(viewer, unpainted(tiny_dataset, tmp_path), cut)

    assert np.array_equal(annotation.layer.data[2:], start.labels[2:])
    assert not annotation.layer.data[:2].any()


def test_a_students_mask_is_begun_with_though_the_case_has_a_mask_of_its_own_and_other_masks_are_hidden(
    viewer, tiny_dataset
):
    start = drawn_by_a_student(tiny_dataset)

    annotation = draft_on(viewer, open_dataset(tiny_dataset), start)

    assert np.array_equal(annotation.layer.data, start.labels)
    assert [layer.name for layer in viewer.layers if layer.visible] == ["case_0", "case_0 · shapes (painting)"]


def test_the_datasets_task_is_painted_for_with_the_classes_that_are_drawn(tiny_dataset):
    dataset, start = open_dataset(tiny_dataset), drawn_by_a_student(tiny_dataset)
    renamed = replace(start.task, classes=("background", "sphere", "box"))
    fewer = replace(start.task, classes=("background", "ball"))

    assert task_to_paint(replace(dataset, tasks={"shapes": renamed}), start=start) == renamed
    assert task_to_paint(replace(dataset, tasks={"shapes": fewer}), start=start) == start.task
    assert task_to_paint(replace(dataset, tasks={}), start=start) == start.task
    assert task_to_paint(replace(dataset, tasks={})) == NEW_TASK


def test_a_mask_is_not_painted_on_where_its_labels_mean_other_classes(tiny_dataset):
    dataset, start = open_dataset(tiny_dataset), drawn_by_a_student(tiny_dataset)
    turned = replace(start.task, classes=("background", "cube", "ball"))

    with pytest.raises(DatasetProblem, match=r"run's classes are background, ball, cube; .* background, cube, ball"):
        task_to_paint(replace(dataset, tasks={"shapes": turned}), start=start)


def test_after_painting_the_layer_is_the_cases_mask(annotation):
    annotation.close()

    assert annotation.layer.name == "case_0 · structures (truth)"
    assert annotation.layer.metadata["medkd"]["is_truth"]
    assert str(annotation.layer.mode) == "pan_zoom"


def test_after_painting_the_number_keys_paint_no_more(annotation):
    keys = list(annotation.layer.keymap.values())

    annotation.close()
    for press in keys:
        press(annotation.layer)

    assert not annotation.layer.keymap
    assert str(annotation.layer.mode) == "pan_zoom"


def test_an_image_that_is_gone_is_told(viewer, tiny_dataset, tmp_path):
    dataset = unpainted(tiny_dataset, tmp_path)

    with pytest.raises(VolumeProblem, match="not on the canvas"):
        Annotation(viewer, dataset, dataset.case("case_0"), Task("a", "segmentation", ("b", "c")), "nothing")
