import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QLineEdit

from napari_medkd.gui.annotation import ClassVolume
from napari_medkd.gui.widgets.class_list import ClassList

pytestmark = pytest.mark.gui

COLOUR, NAME = 1, 2
TWO = tuple(ClassVolume(label, name, "#00ff00", 0.0, "ml") for label, name in ((1, "liver"), (2, "spleen")))


@pytest.fixture
def classes(qtbot):
    """A list of two classes, the first of which is painted with, and its name clicked."""
    classes = ClassList()
    qtbot.addWidget(classes)
    classes.show_classes(TWO, selected=1)
    with qtbot.waitExposed(classes):
        classes.show()
    place = classes.visualItemRect(classes.item(0, NAME)).center()
    qtbot.mouseClick(classes.viewport(), Qt.MouseButton.LeftButton, pos=place)
    return classes


@pytest.fixture
def said(classes):
    """What the list says, as (signal, what)."""
    said = []
    classes.chosen.connect(lambda label: said.append(("chosen", label)))
    classes.renamed.connect(lambda label, name: said.append(("renamed", label, name)))
    classes.recoloured.connect(lambda label, colour: said.append(("recoloured", label, colour)))
    return said


def test_a_key_picks_its_class_in_the_list_as_over_the_image(classes, said, qtbot):
    qtbot.keyClick(classes, "2")

    assert said == [("chosen", 2)]
    assert classes.findChild(QLineEdit) is None


def test_a_key_without_a_class_picks_and_renames_nothing(classes, said, qtbot):
    qtbot.keyClicks(classes, "03x")

    assert said == []
    assert classes.findChild(QLineEdit) is None


def test_f2_renames_the_class_that_is_painted_with(classes, said, qtbot):
    classes.show_classes(TWO, selected=2)  # as its key over the image does

    qtbot.keyClick(classes, Qt.Key.Key_F2)
    editor = classes.findChild(QLineEdit)
    assert editor is not None
    qtbot.keyClicks(editor, "kidney")
    qtbot.keyClick(editor, Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: said == [("renamed", 2, "kidney")], timeout=5_000)


@pytest.mark.parametrize(
    ("picked", "expected"), [(QColor("#123456"), [("recoloured", 2, "#123456")]), (QColor(), [])], ids=["one", "none"]
)
def test_a_click_on_a_colour_asks_for_another_and_picks_no_class(classes, said, qtbot, monkeypatch, picked, expected):
    asked = []
    monkeypatch.setattr(QColorDialog, "getColor", lambda *given: asked.append(given[2]) or picked)

    place = classes.visualItemRect(classes.item(1, COLOUR)).center()
    qtbot.mouseClick(classes.viewport(), Qt.MouseButton.LeftButton, pos=place)

    assert asked == ["Colour of spleen"]
    assert said == expected
