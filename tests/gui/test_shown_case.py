"""A case's layers make room for the next case's, but for those that a person worked on."""

import pytest

from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.shown_case import ShownCase
from tests.pictures import write_pictures

pytestmark = pytest.mark.gui


@pytest.fixture
def dataset(tmp_path):
    return open_dataset(write_pictures(tmp_path / "signs", "signs"))


def layer_of(viewer, kind):
    [layer] = [layer for layer in viewer.layers if type(layer).__name__ == kind]
    return layer


def paint(viewer):
    layer_of(viewer, "Labels").paint((5, 5), 1)


def draw_a_box(viewer):
    layer_of(viewer, "Shapes").add_rectangles([[1, 1], [9, 9]])


def remove_a_box(viewer):
    boxes = layer_of(viewer, "Shapes")
    boxes.selected_data = {0}
    boxes.remove_selected()


@pytest.mark.parametrize(
    ("work", "kind"),
    [(paint, "Labels"), (draw_a_box, "Shapes"), (remove_a_box, "Shapes")],
    ids=["painted", "box drawn", "box removed"],
)
def test_what_a_person_worked_on_stays_hidden_when_another_case_is_shown(viewer, dataset, work, kind):
    first, second = dataset.cases[:2]
    shown = ShownCase(viewer)
    shown.show(case_layers(dataset, first))
    worked_on = layer_of(viewer, kind)
    work(viewer)

    shown.show(case_layers(dataset, second))

    assert worked_on in viewer.layers
    assert not worked_on.visible
    assert len([layer for layer in viewer.layers if layer.name.startswith(first.id)]) == 1


def test_what_was_only_looked_at_goes(viewer, dataset):
    first, second = dataset.cases[:2]
    shown = ShownCase(viewer)
    shown.show(case_layers(dataset, first))
    layer_of(viewer, "Shapes").selected_data = {0}

    shown.show(case_layers(dataset, second))

    assert all(layer.name.startswith(second.id) for layer in viewer.layers)


def test_a_dock_that_was_opened_again_makes_room_for_the_next_case_too(viewer, dataset):
    first, second = dataset.cases[:2]
    ShownCase(viewer).show(case_layers(dataset, first))
    painted = layer_of(viewer, "Labels")
    paint(viewer)

    ShownCase(viewer).show(case_layers(dataset, second))

    assert [layer.name for layer in viewer.layers if layer.name.startswith(first.id)] == [painted.name]
    assert not painted.visible
