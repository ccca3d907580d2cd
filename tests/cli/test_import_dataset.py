import json
from pathlib import Path

import pytest

from tests.cli.conftest import Medkd
from tests.files.importers.imported import picture, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Pictures of three patients at two sites, with boxes of two classes in two of them."""
    for name in "abcd":
        picture(tmp_path / "s" / "images" / f"{name}.png")
    table = (
        "image,patient,site,split,x,y,w,h,kind\n"
        "a,1,north,train,1,2,3,4,cyst\na,1,north,train,5,6,7,8,tumour\nb,1,north,train,,,,,\n"
        "c,2,south,val,1,1,9,9,tumour\nd,3,south,test,,,,,\ngone,4,south,test,1,1,2,2,cyst\n"
    )
    write(tmp_path / "s" / "boxes.csv", table)
    return tmp_path / "s"


def test_what_was_found_and_left_out_is_told(tmp_path: Path, medkd: Medkd, source: Path):
    answer = medkd("import", source, tmp_path / "d", "--column", "class=kind", "--name", "mine")

    assert answer.code == 0
    assert answer.out.splitlines() == [
        "mine: 4 cases of 3 patients (2 train, 1 validate, 1 test)",
        "domains: north 2, south 2",
        "boxes: detection, 4 cases: cyst 1, tumour 2",
        str(tmp_path / "d" / "medkd-dataset.json"),
    ]
    assert "recognised as boxes in boxes.csv" in answer.err
    assert "not here, and is left out (gone)" in answer.err


def test_json_holds_the_same_numbers(tmp_path: Path, medkd: Medkd, source: Path):
    answer = medkd("import", source, tmp_path / "d", "--column", "class=kind", "--json")

    found = json.loads(answer.out)
    assert (found["cases"], found["groups"], found["domains"]) == (4, 3, {"north": 2, "south": 2})
    assert found["tasks"]["boxes"] == {
        "kind": "detection",
        "multilabel": False,
        "labelled": 4,
        "classes": {"cyst": 1, "tumour": 2},
    }
    assert found["manifest"] == str(tmp_path / "d" / "medkd-dataset.json")
    assert [remark["problem"] for remark in found["remarks"]] == ["An image is not here, and is left out (gone)."]


def test_the_dataset_it_leaves_has_no_problem(tmp_path: Path, medkd: Medkd, source: Path):
    medkd("import", source, tmp_path / "d")

    assert medkd("check", tmp_path / "d").code == 0


@pytest.mark.parametrize("wish", ["label", "colour=red", "class="])
def test_a_wish_that_is_none_is_refused(tmp_path: Path, medkd: Medkd, source: Path, wish: str):
    answer = medkd("import", source, tmp_path / "d", "--column", wish)

    assert answer.code == 2
    assert not (tmp_path / "d").exists()


def test_nothing_is_left_where_the_source_is_faulty(tmp_path: Path, medkd: Medkd, source: Path):
    write(source / "boxes.csv", "image,x,y,w,h\na,1,2,3,wide\n")

    answer = medkd("import", source, tmp_path / "d")

    assert answer.code == 2
    assert "A box is no four numbers (a: 1, 2, 3, wide)" in answer.err
    assert not (tmp_path / "d").exists()


def test_a_source_that_is_not_there_is_told(tmp_path: Path, medkd: Medkd):
    answer = medkd("import", tmp_path / "nowhere", tmp_path / "d")

    assert answer.code == 2
    assert str(tmp_path / "nowhere") in answer.err
