import pytest
from qtpy.QtCore import Qt

from napari_medkd.gui.state import CaseRow
from napari_medkd.gui.widgets.case_table import REFERENCE, CaseTable

pytestmark = pytest.mark.gui

ROWS = (
    CaseRow("case_b", "t2", "train", ("organs", "lesion")),
    CaseRow("case_a", "t1", "test", ()),
    CaseRow("case_c", "t1", "validate", ("organs",), is_reference=True),
)


@pytest.fixture
def table(qtbot):
    table = CaseTable()
    qtbot.addWidget(table)
    table.resize(380, 300)
    table.show_rows(ROWS)
    table.show()
    return table


def shown(table):
    model = table.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def point(table, row, column=0):
    return table.visualRect(table.model().index(row, column)).center()


def test_the_cases_stand_in_the_order_of_the_dataset_until_a_header_is_clicked(table, qtbot):
    assert shown(table) == ["case_b", "case_a", "case_c"]

    header = table.horizontalHeader()
    x = header.sectionViewportPosition(0) + 20
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=header.rect().center().__class__(x, 8))

    assert shown(table) in (["case_a", "case_b", "case_c"], ["case_c", "case_b", "case_a"])


@pytest.mark.parametrize(("words", "left"), [("T1", ["case_a", "case_c"]), ("valid", ["case_c"]), ("none", ["case_a"])])
def test_the_filter_looks_at_every_column(table, words, left):
    table.keep_matching(words)

    assert shown(table) == left
    assert table.num_shown() == len(left)


def test_a_double_click_asks_for_the_case(table, qtbot):
    with qtbot.waitSignal(table.activated):
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=point(table, 1))
        opened = []
        table.opened.connect(opened.append)
        qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=point(table, 1))

    assert opened == ["case_a"]


def test_enter_asks_for_the_selected_case(table, qtbot):
    opened = []
    table.opened.connect(opened.append)
    table.select("case_c")

    qtbot.keyClick(table, Qt.Key.Key_Return)

    assert opened == ["case_c"]


def test_a_click_on_the_mark_is_about_the_reference_only(table, qtbot):
    clicked, opened = [], []
    table.reference_clicked.connect(clicked.append)
    table.opened.connect(opened.append)

    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=point(table, 0, REFERENCE))

    assert (clicked, opened) == (["case_b"], [])


def test_marking_keeps_the_selection(table):
    table.select("case_a")
    marked = tuple(CaseRow(row.id, row.domain, row.side, row.labelled, True) for row in ROWS)

    table.show_rows(marked)

    assert [row.id for row in table.selected_rows()] == ["case_a"]
    assert table.model().index(0, REFERENCE).data() == "★"


def test_a_cell_too_narrow_for_all_labels_tells_them_in_its_tip(table):
    cell = table.model().index(0, 3)

    assert cell.data() == "organs +1"
    assert "organs, lesion" in cell.data(Qt.ItemDataRole.ToolTipRole)


def test_all_columns_fit_into_a_dock(table):
    assert table.horizontalHeader().length() <= 380


def test_no_title_is_cut_where_the_cells_are_narrow(table):
    table.show_rows(tuple(CaseRow(f"c{number}", "", "", ()) for number in range(3)))

    header = table.horizontalHeader()
    for column in range(3):
        title = header.model().headerData(column, Qt.Orientation.Horizontal)
        assert header.sectionSize(column) >= header.fontMetrics().horizontalAdvance(title) + 8, title
