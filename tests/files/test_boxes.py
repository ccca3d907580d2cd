import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.files.opening import read_boxes, write_boxes

FOUND = Task("found", "detection", ("nodule", "cyst"))
GRID = Grid.upright((4, 5, 6), (3.0, 2.0, 1.0))

BOX = st.tuples(*[st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 1e3))] * 3).map(
    lambda ends: [low for low, _ in ends] + [low + size for low, size in ends]
)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(BOX, st.sampled_from(FOUND.classes)), max_size=4))
def test_saved_boxes_are_read_back_exactly(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("boxes") / "a.json"
    corners = np.array([corner for corner, _ in found]).reshape(-1, 6)
    write_boxes(path, Boxes(corners, tuple(name for _, name in found), GRID, FOUND))

    back = read_boxes(path, FOUND, GRID)

    np.testing.assert_array_equal(back.corners, corners)
    assert back.classes == tuple(name for _, name in found)
    assert back.grid is GRID


def test_the_file_says_in_which_order_its_numbers_are(tmp_path):
    write_boxes(tmp_path / "a.json", Boxes(np.array([[0, 1, 2, 3, 4, 5.5]]), ("cyst",), GRID, FOUND))

    assert json.loads((tmp_path / "a.json").read_text()) == {
        "schema_version": 1,
        "axes": "IPL",
        "boxes": [{"class": "cyst", "corners": [0.0, 1.0, 2.0, 3.0, 4.0, 5.5]}],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "JSON"),
        ("{}", r"a\.json: axes"),
        ('{"axes": "RAS", "boxes": []}', r"a\.json: axes.*'IPL'"),
        ('{"axes": "IPL", "boxes": [{"class": "cyst", "corners": [0, 1, 2]}]}', r"a\.json: boxes\.0\.corners"),
        (
            '{"axes": "IPL", "boxes": [{"klass": "cyst", "corners": [0, 0, 0, 1, 1, 1]}]}',
            r"boxes\.0\.class.*missing|required",
        ),
        ('{"axes": "IPL", "boxes": [{"class": "tumour", "corners": [0, 0, 0, 1, 1, 1]}]}', r"a\.json: .*'tumour'"),
        ('{"axes": "IPL", "boxes": [{"class": "cyst", "corners": [0, 0, 5, 1, 1, 1]}]}', r"a\.json: A box ends"),
    ],
)
def test_a_faulty_file_is_refused_by_its_name_and_the_place_in_it(tmp_path, text, said):
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(VolumeProblem, match=said):
        read_boxes(tmp_path / "a.json", FOUND, GRID)


def test_every_fault_is_reported(tmp_path):
    (tmp_path / "a.json").write_text('{"boxes": [{"class": "cyst"}, {"corners": [0, 0, 0, 1, 1, 1]}]}')

    with pytest.raises(VolumeProblem) as error:
        read_boxes(tmp_path / "a.json", FOUND, GRID)

    assert [problem.where.rsplit(": ")[-1] for problem in error.value.problems] == [
        "axes",
        "boxes.0.corners",
        "boxes.1.class",
    ]


def test_a_missing_file_is_refused_by_its_name(tmp_path):
    with pytest.raises(VolumeProblem, match=r"none\.json: The boxes cannot be read"):
        read_boxes(tmp_path / "none.json", FOUND, GRID)
