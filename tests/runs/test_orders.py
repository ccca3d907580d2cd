import pytest

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.run_layout import CONTROL
from napari_medkd.runs.orders import FolderControl, give_order


def test_without_an_order_a_run_goes_on(tmp_path):
    control = FolderControl(tmp_path)

    assert control.wish() == "go"
    assert control.ordered() is None


def test_the_last_order_counts(tmp_path):
    control = FolderControl(tmp_path)

    wishes = []
    for wish in ("pause", "go", "pause", "stop"):
        give_order(tmp_path, wish)
        wishes.append((control.wish(), control.ordered()))

    assert wishes == [("pause", "pause"), ("go", "go"), ("pause", "pause"), ("stop", "stop")]


def test_every_reader_hears_every_order(tmp_path):
    early = FolderControl(tmp_path)
    early.wish()
    give_order(tmp_path, "pause")

    assert (early.wish(), FolderControl(tmp_path).wish()) == ("pause", "pause")


def test_a_forgotten_order_is_no_order(tmp_path):
    control = FolderControl(tmp_path)
    give_order(tmp_path, "stop")
    control.wish()

    (tmp_path / CONTROL).write_bytes(b"")
    emptied = control.wish()
    give_order(tmp_path, "stop")
    control.wish()
    (tmp_path / CONTROL).unlink()

    assert (emptied, control.wish()) == ("go", "go")


@pytest.mark.parametrize(
    "line",
    [b'{"order": "st', b"\n", b"{}\n", b"[]\n", b'"stop"\n', b'{"order": "dance"}\n', b"\xff\n", b'{"order": []}\n'],
)
def test_a_damaged_or_unknown_order_leaves_the_one_before(tmp_path, line):
    give_order(tmp_path, "pause")
    with (tmp_path / CONTROL).open("ab") as file:
        file.write(line)

    assert FolderControl(tmp_path).wish() == "pause"


def test_an_order_typed_by_hand_is_heard(tmp_path):
    (tmp_path / CONTROL).write_text('{"order": "pause"}\n')

    assert FolderControl(tmp_path).wish() == "pause"


def test_an_order_file_that_cannot_be_read_for_a_moment_changes_nothing(tmp_path):
    control = FolderControl(tmp_path)
    give_order(tmp_path, "pause")
    control.wish()

    (tmp_path / CONTROL).unlink()
    (tmp_path / CONTROL).mkdir()

    assert control.wish() == "pause"


def test_an_order_that_cannot_be_written_names_the_file(tmp_path):
    with pytest.raises(RunProblem, match=r"control\.jsonl: The order cannot be written"):
        give_order(tmp_path / "nowhere", "stop")
