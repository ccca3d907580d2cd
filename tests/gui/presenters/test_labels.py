"""What the editor of labels decides."""

import json

import pytest

from napari_medkd.core.relabelling import NOWHERE
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.members import Member
from napari_medkd.gui.presenters.labels import LabelsPresenter, LabelsState
from napari_medkd.gui.state import Session
from tests.gui.presenting import Later, at_once
from tests.pictures import write_pictures


@pytest.fixture
def session(cells, tmp_path):
    spots = write_pictures(tmp_path / "spots", "spots", tasks="m")
    manifest = spots / "medkd-dataset.json"
    manifest.write_text(manifest.read_text().replace('"rectangle"', '"lesion"'))
    return Session(study=tuple(Member(folder, open_dataset(folder)) for folder in (cells, spots)))


@pytest.fixture
def state():
    return LabelsState()


@pytest.fixture
def presenter(session, state):
    presenter = LabelsPresenter(session, state, at_once)
    presenter.begin(session.study[0].dataset)
    return presenter


def test_labels_stand_with_what_they_mean_and_how_many_masks_hold_them(presenter, state):
    assert state.tasks == ("shape", "border", "places")
    assert state.meanings == {0: "background", 1: "rectangle"}
    assert state.cases == {0: 12, 1: 12}
    assert state.read == "12 masks were read to see which labels there are."


def test_the_classes_of_other_datasets_are_shown_and_offered(presenter, state):
    assert state.elsewhere == (("spots · shape", ("background", "lesion")),)
    assert state.offered == ("background", "rectangle", "lesion")


def test_a_datasets_label_is_given_another_datasets_class_and_back(presenter, state, cells):
    saved = []
    presenter.mean(1, "lesion")
    assert presenter.outcome() == ("background", "lesion")

    presenter.save(saved.append)
    assert open_dataset(cells).tasks["shape"].classes == ("background", "lesion")
    assert saved[0].tasks["shape"].classes == ("background", "lesion")

    presenter.mean(1, " rectangle ")
    presenter.save(saved.append)
    assert open_dataset(cells).tasks["shape"].classes == ("background", "rectangle")


def test_what_cannot_be_saved_says_why_and_leaves_the_manifest(presenter, state, cells):
    before = (cells / "medkd-dataset.json").read_bytes()
    presenter.mean(1, NOWHERE)

    presenter.save(lambda dataset: None)

    assert presenter.outcome() == ()
    assert "the background or counts nowhere" in presenter.hindrance()
    assert state.problems[0].where == "tasks.shape"
    assert (cells / "medkd-dataset.json").read_bytes() == before


def test_what_is_chosen_while_masks_are_read_stays(session, state):
    later = Later()
    presenter = LabelsPresenter(session, state, later)
    presenter.begin(session.study[0].dataset)

    presenter.mean(1, "lesion")
    later.do()

    assert state.meanings == {0: "background", 1: "lesion"}


def test_a_dataset_without_tasks_has_no_labels(session, state, tmp_path):
    presenter = LabelsPresenter(session, state, at_once)

    presenter.begin(open_dataset(write_pictures(tmp_path / "images", "images", tasks="")))

    assert (state.tasks, state.meanings, presenter.outcome()) == ((), {}, ())


@pytest.fixture
def grades(session, tmp_path):
    """Another open dataset, of classes of images and boxes that are called otherwise."""
    folder = write_pictures(tmp_path / "grades", "grades", tasks="cb")
    manifest = folder / "medkd-dataset.json"
    manifest.write_text(manifest.read_text().replace('"plain"', '"bare"').replace('"framed"', '"border"'))
    dataset = open_dataset(folder)
    session.study = (*session.study, Member(folder, dataset))
    return dataset


def test_classes_of_images_are_brought_to_those_of_another_dataset(presenter, state, cells, grades):
    presenter.choose_task("border")
    assert state.meanings == {"plain": "plain", "framed": "framed"}
    assert state.cases == {"framed": 6, "plain": 6}
    assert state.read == "12 class labels were read to see which labels there are."
    assert state.elsewhere == (("grades · border", ("bare", "border")),)
    assert state.offered == ("plain", "framed", "bare", "border")

    presenter.mean("plain", "bare")
    presenter.mean("framed", "border")
    presenter.save(lambda dataset: None)

    written = open_dataset(cells)
    assert written.tasks["border"] == grades.tasks["border"]
    assert written.case("cells1").annotations["border"].present == {"border"}
    assert state.problems == ()


def test_classes_of_boxes_and_labels_of_masks_are_saved_together(presenter, state, cells):
    presenter.mean(1, "lesion")
    presenter.choose_task("places")
    assert (state.meanings, state.cases) == ({"rectangle": "rectangle"}, {"rectangle": 12})
    presenter.mean("rectangle", "lesion")

    presenter.save(lambda dataset: None)

    written = open_dataset(cells).tasks
    assert (written["shape"].classes, written["places"].classes) == (("background", "lesion"), ("lesion",))


def test_too_few_classes_of_images_say_why(presenter, state):
    presenter.choose_task("border")

    presenter.mean("plain", "framed")

    assert presenter.outcome() == ()
    assert "a classification task needs at least 2" in presenter.hindrance()


@pytest.fixture
def two_tasks(tmp_path):
    """Masks of a shape, and the same masks again under another task."""
    folder = write_pictures(tmp_path / "twice", "twice", tasks="m")
    manifest = folder / "medkd-dataset.json"
    document = json.loads(manifest.read_text())
    document["tasks"]["outline"] = document["tasks"]["shape"]
    for case in document["cases"]:
        case["annotations"]["outline"] = case["annotations"]["shape"]
    manifest.write_text(json.dumps(document))
    return folder


def test_what_was_chosen_for_one_task_stays_while_another_is_looked_at(two_tasks, state):
    presenter = LabelsPresenter(Session(), state, at_once)
    presenter.begin(open_dataset(two_tasks))
    first, second = state.tasks
    presenter.mean(1, "tumour")

    presenter.choose_task(second)
    assert state.meanings == {0: "background", 1: "rectangle"}
    presenter.choose_task(first)

    assert state.meanings == {0: "background", 1: "tumour"}
    assert "tumour" in state.offered


def test_all_tasks_for_which_something_was_chosen_are_saved(two_tasks, state):
    saved = []
    presenter = LabelsPresenter(Session(), state, at_once)
    presenter.begin(open_dataset(two_tasks))
    first, second = state.tasks
    presenter.mean(1, "tumour")
    presenter.choose_task(second)
    presenter.mean(1, "edge")

    presenter.save(saved.append)

    written = open_dataset(two_tasks).tasks
    assert {name: task.classes[1] for name, task in written.items()} == {first: "tumour", second: "edge"}
    assert saved[0].tasks == written


def test_nothing_is_written_where_another_tasks_choice_cannot_be(two_tasks, state):
    before = (two_tasks / "medkd-dataset.json").read_bytes()
    presenter = LabelsPresenter(Session(), state, at_once)
    presenter.begin(open_dataset(two_tasks))
    first, second = state.tasks
    presenter.mean(1, NOWHERE)
    presenter.choose_task(second)
    presenter.mean(1, "edge")

    presenter.save(lambda dataset: None)

    assert state.problems[0].where == f"tasks.{first}"
    assert (two_tasks / "medkd-dataset.json").read_bytes() == before


def test_another_dataset_begins_without_what_was_chosen(presenter, session, state):
    presenter.mean(1, "lesion")

    presenter.begin(session.study[0].dataset)

    assert state.meanings == {0: "background", 1: "rectangle"}
