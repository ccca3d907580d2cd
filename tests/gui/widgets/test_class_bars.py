from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ClassScores
from napari_medkd.core.task import Task
from napari_medkd.gui.answers import answer_of
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.verdicts import scores_of
from napari_medkd.gui.widgets.answers_view import AnswersView
from napari_medkd.gui.widgets.class_bars import ClassBars, NetworkScores
from tests.gui.answered import GRADE, SIGNS, graded, predicted, signed

pytestmark = pytest.mark.gui

GRID = Grid.upright((1, 4, 4), unit="pixel")
INKS = ThemeColours(
    True, "#000000", "#404040", *(["#ffffff"] * 4), "#00ff00", "#0000ff", "#00ff00", "#ff0000", "#ff0", ()
)


def bars_of(task: Task, qtbot: Any) -> ClassBars:
    bars = ClassBars(task, INKS)
    qtbot.addWidget(bars)
    bars.resize(340, 100)
    if task.multilabel:
        answers = [signed(GRID, 0.9, 0.3, {"nodule"}), signed(GRID, 0.2, 0.6, {"nodule"}, "teacher")]
    else:
        answers = [graded(GRID, 0.75, "malignant"), graded(GRID, 0.25, "malignant", "teacher")]
    bars.show_scores([NetworkScores(one.title, scores_of(one)) for one in answers], 0.5)
    bars.show()
    qtbot.waitExposed(bars)
    return bars


def lit(bars: ClassBars, row: int) -> int:
    """Return how far a bar's colour reaches, in pixels from the first colour that is not the empty bar's."""
    picture = bars.grab().toImage()
    empty = {picture.pixelColor(x, row).name() for x in (246,)}
    return sum(picture.pixelColor(x, row).name() not in empty for x in range(84, 248))


def test_a_bar_is_as_long_as_its_score(qtbot: Any) -> None:
    bars = bars_of(GRADE, qtbot)
    benign_by_student, benign_by_teacher = 20 + 9, 20 + 18 + 9

    lengths = [lit(bars, row) / 164 for row in (benign_by_student, benign_by_teacher)]

    assert lengths == pytest.approx([0.25, 0.75], abs=0.03)


def test_networks_of_other_classes_have_bars_of_their_own_though_the_task_has_the_same_name(qtbot: Any) -> None:
    of_three = Task("grade", "classification", ("normal", "benign", "malignant"))
    scores = ClassScores({"normal": 0.1, "benign": 0.2, "malignant": 0.7})
    of_another_dataset = answer_of(predicted(of_three, GRID, "student-B", scores=scores), GRID, None)
    view = AnswersView(INKS)
    qtbot.addWidget(view)

    view.show_answers((graded(GRID, 0.75), of_another_dataset), 0.5, 0.5)
    view.show()
    qtbot.waitExposed(view)

    assert [bars.accessibleDescription() for bars in view.bars.values()] == [
        "student: benign 0.25, malignant 0.75",
        "student · B: normal 0.10, benign 0.20, malignant 0.70",
    ]


def test_what_the_bars_show_can_be_read_aloud(qtbot: Any) -> None:
    bars = bars_of(GRADE, qtbot)

    assert bars.accessibleName() == "Scores of grade"
    assert bars.accessibleDescription() == (
        "student: benign 0.25, malignant 0.75; teacher: benign 0.75, malignant 0.25"
    )


def test_the_line_is_dragged_with_the_mouse(qtbot: Any) -> None:
    bars = bars_of(SIGNS, qtbot)
    moved: list[float] = []
    bars.threshold_changed.connect(moved.append)
    start = bars.line_at().toPoint()

    qtbot.mousePress(bars, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(bars, start + QPoint(41, 0))
    qtbot.mouseRelease(bars, Qt.MouseButton.LeftButton, pos=start + QPoint(41, 0))

    assert bars.threshold == moved[-1] == pytest.approx(0.75, abs=0.02)


def test_the_line_is_moved_with_the_keys_and_stops_at_the_ends(qtbot: Any) -> None:
    bars = bars_of(SIGNS, qtbot)

    qtbot.keyClick(bars, Qt.Key.Key_Right)
    assert bars.threshold == 0.51
    for _ in range(60):
        qtbot.keyClick(bars, Qt.Key.Key_Right)

    assert bars.threshold == 1.0


def test_where_one_class_can_be_there_is_no_line_to_move(qtbot: Any) -> None:
    bars = bars_of(GRADE, qtbot)

    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(200, 30))
    qtbot.keyClick(bars, Qt.Key.Key_Right)

    assert bars.threshold == 0.5
