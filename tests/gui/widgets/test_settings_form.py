import pytest
from qtpy.QtCore import QLocale, Qt
from qtpy.QtWidgets import QScrollArea

from napari_medkd.core.errors import Problem
from napari_medkd.gui.presenters.fields import FormField, fields_of_schema
from napari_medkd.gui.widgets.settings_form import SettingsForm
from tests.gui.person import turn_wheel
from tests.gui.presenting import DemoSettings

pytestmark = pytest.mark.gui


@pytest.fixture
def form(qtbot):
    extra = (
        FormField("widths", "Widths", "Channels.", "integers", (8, 16)),
        FormField("name", "Name", "A word.", "text", ""),
        FormField("file", "File", "A path.", "path", ""),
    )
    form = SettingsForm((*fields_of_schema(DemoSettings.model_json_schema()), *extra))
    qtbot.addWidget(form)
    form.show()
    return form


def test_long_titles_and_choices_fit_a_narrow_dock(qtbot):
    form = SettingsForm(
        [
            FormField("head", "Begin with the last layer of the teacher", "Or at random.", "boolean", True),
            FormField("sees", "Sees", "What.", "choice", "means", choices=("means", "only where its answer is right")),
        ]
    )
    qtbot.addWidget(form)

    assert form.minimumSizeHint().width() <= 280


@pytest.fixture
def heard(form):
    heard = []
    form.changed.connect(lambda name, value: heard.append((name, value)))
    return heard


def test_a_form_starts_with_the_defaults_and_says_nothing(form, heard):
    assert {name: box.value() for name, box in form.boxes.items()} == {
        "weight": 2.0,
        "rounds": 3,
        "balanced": False,
        "sees": "image",
        "limit": None,
        "widths": (8, 16),
        "name": "",
        "file": "",
    }
    assert heard == []


def test_a_typed_number_is_said_when_it_is_finished(form, heard, qtbot):
    editor = form.boxes["weight"].editor
    editor.selectAll()
    qtbot.keyClicks(editor, "12.5")
    qtbot.keyClick(editor, Qt.Key.Key_Return)

    assert heard == [("weight", 12.5)]


def test_a_number_stays_within_its_bounds(form):
    form.boxes["weight"].set_value(1e6)
    form.boxes["rounds"].set_value(-4)

    assert form.boxes["weight"].value() == 100
    assert form.boxes["rounds"].value() == 1


def test_small_numbers_are_written_plainly(form):
    form.boxes["weight"].set_value(0.0003)

    assert form.boxes["weight"].editor.text() == "0.0003"


def test_a_switch_and_a_choice_are_said_at_once(form, heard, qtbot):
    form.boxes["balanced"].editor.click()
    qtbot.keyClick(form.boxes["sees"].editor, Qt.Key.Key_Down)

    assert heard == [("balanced", True), ("sees", "mask")]


def test_an_optional_setting_is_switched_on_and_off(form, heard):
    box = form.boxes["limit"]
    box.editor.click()
    box.editor.click()

    assert heard == [("limit", 0.5), ("limit", None)]


def test_lists_words_and_paths_are_typed(form, heard, qtbot):
    for name, text in (("widths", "4 8 16"), ("name", " liver "), ("file", "/data/a.json")):
        editor = form.boxes[name].editor
        editor.selectAll()
        qtbot.keyClicks(editor, text)
        qtbot.keyClick(editor, Qt.Key.Key_Return)

    assert ("widths", (4, 8, 16)) in heard
    assert ("name", "liver") in heard
    assert ("file", "/data/a.json") in heard


def test_a_list_that_is_none_reaches_the_spec_as_typed_and_is_refused_there(form, heard, qtbot):
    editor = form.boxes["widths"].editor
    editor.selectAll()
    qtbot.keyClicks(editor, "wide")
    qtbot.keyClick(editor, Qt.Key.Key_Return)

    assert heard[0] == ("widths", "wide")


def test_changed_settings_are_bold_and_go_back(form):
    form.show_values({"weight": 9.0})
    assert "<b>" in form._labels["weight"].text()

    form.show_values({})
    assert form.boxes["weight"].value() == 2.0
    assert "<b>" not in form._labels["weight"].text()


def test_a_problem_stands_beneath_its_field_until_it_is_gone(form):
    form.show_problems([Problem("widths[1]", "Too narrow.", "Take 8.")])
    assert form._faults["widths"].text() == "Too narrow. Take 8."
    assert form._faults["widths"].isVisible()
    assert form.has_problem

    form.show_problems([])
    assert not form._faults["widths"].isVisible()


def test_scrolling_past_a_number_does_not_change_it(form, heard, qtbot):
    area = QScrollArea()
    qtbot.addWidget(area)
    area.setWidget(form)
    area.show()
    editor = form.boxes["rounds"].editor
    editor.clearFocus()

    turn_wheel(editor)

    assert heard == []
    area.takeWidget()


@pytest.fixture
def decimal_comma():
    """The system's numbers are written as in Germany."""
    before = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    yield
    QLocale.setDefault(before)


@pytest.mark.usefixtures("decimal_comma")
def test_a_number_keeps_its_point_where_the_system_writes_a_comma(qtbot):
    form = SettingsForm([FormField("rate", "Learning rate", "How fast.", "number", 0.001, 0.0, 1.0)])
    qtbot.addWidget(form)
    editor = form.boxes["rate"].editor

    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert form.boxes["rate"].value() == 0.001

    for typed, value in (("0.0005", 0.0005), ("0,25", 0.25), ("5e-4", 0.0005), ("1E-3", 0.001)):
        editor.selectAll()
        qtbot.keyClicks(editor, typed)
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        assert form.boxes["rate"].value() == value


@pytest.mark.parametrize("typed", ["2e", "7e9", "e", "one", "."])
def test_what_is_no_number_within_bounds_changes_nothing(qtbot, typed):
    form = SettingsForm([FormField("rate", "Learning rate", "How fast.", "number", 0.001, 0.0, 1.0)])
    qtbot.addWidget(form)
    editor = form.boxes["rate"].editor

    editor.selectAll()
    qtbot.keyClicks(editor, typed)
    qtbot.keyClick(editor, Qt.Key.Key_Return)

    assert form.boxes["rate"].value() == 0.001
    assert editor.text() == "0.001"


def test_other_fields_take_the_place_of_the_old_ones(form):
    form.show_fields([FormField("depth", "Depth", "How deep.", "integer", 4, 1, 8)])

    assert list(form.boxes) == ["depth"]
    assert form.boxes["depth"].value() == 4


def test_another_default_keeps_the_boxes(form):
    box = form.boxes["weight"]

    form.show_fields([field.with_default(7.0) if name == "weight" else field for name, field in form.fields.items()])
    form.show_values({})

    assert form.boxes["weight"] is box
    assert box.value() == 7.0


def test_every_field_tells_what_it_does(form):
    assert all(form.fields[name].description in box.toolTip() for name, box in form.boxes.items())
    assert all(box.accessibleName() for box in form.boxes.values())


def test_a_choice_is_called_by_its_words_and_means_its_value(qtbot):
    field = FormField("run", "Run", "Which.", "choice", "", choices=("", "/runs/a"), words=("scratch", "first"))
    form = SettingsForm([field])
    qtbot.addWidget(form)
    heard = []
    form.changed.connect(lambda name, value: heard.append((name, value)))
    assert form.boxes["run"].editor.currentText() == "scratch"

    qtbot.keyClick(form.boxes["run"].editor, Qt.Key.Key_Down)

    assert heard == [("run", "/runs/a")]
    assert form.boxes["run"].editor.currentText() == "first"


def choosing(*runs):
    return FormField("run", "Run", "Which.", "choice", "", choices=("", *runs), words=("scratch", *runs))


def test_other_choices_keep_the_boxes_the_chosen_one_and_what_is_being_typed(qtbot):
    name = FormField("name", "Name", "A word.", "text", "")
    form = SettingsForm([name, choosing("a")])
    qtbot.addWidget(form)
    heard = []
    form.changed.connect(lambda *said: heard.append(said))
    form.show_values({"run": "a"})
    qtbot.keyClicks(form.boxes["name"].editor, "liv")

    form.show_fields([name, choosing("b", "a")])

    box = form.boxes["run"].editor
    assert [box.itemData(at) for at in range(box.count())] == ["", "b", "a"]
    assert box.currentText() == "a"
    assert form.boxes["name"].editor.text() == "liv"
    assert heard == []


def test_choices_that_come_while_the_list_is_open_are_seen_whole(qtbot):
    form = SettingsForm([choosing()])
    qtbot.addWidget(form)
    form.show()
    opened = []
    form.list_opened.connect(opened.append)
    box = form.boxes["run"].editor
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(box.view().isVisible)

    form.show_fields([choosing("a", "b", "c")])

    assert opened == ["run"]
    assert box.view().isVisible()
    last = box.view().visualRect(box.model().index(3, 0))
    assert 0 < last.bottom() < box.view().viewport().height()
    box.hidePopup()


def test_faults_keep_their_colour_when_the_fields_are_others(qtbot):
    form = SettingsForm()
    qtbot.addWidget(form)
    form.take_colours("#ff0000")

    form.show_fields([FormField("run", "Run", "Which.", "choice", "", choices=("", "a"))])

    assert "#ff0000" in form._faults["run"].styleSheet()
