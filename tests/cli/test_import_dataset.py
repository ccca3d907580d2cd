import json
import os
import sys
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


def test_a_preview_tells_all_and_writes_nothing(tmp_path: Path, medkd: Medkd, source: Path):
    before = sorted(tmp_path.rglob("*"))

    answer = medkd("import", source, tmp_path / "d", "--preview", "--column", "class=kind")

    assert answer.code == 0
    assert answer.out.splitlines() == [
        "s: 4 cases of 3 patients (2 train, 1 validate, 1 test)",
        "domains: north 2, south 2",
        "boxes: detection, 4 cases: cyst 1, tumour 2",
        "channels: image (OTHER)",
        "sizes: 1 x 30 x 40 voxels of 1 x 1 x 1 pixel (4)",
        "4 of 4 cases were opened: no problem found",
    ]
    assert "not here, and is left out (gone)" in answer.err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_preview_with_problems_ends_with_exit_code_two_and_lists_them(medkd: Medkd, source: Path):
    picture(source / "masks" / "c.png", 10, 10)

    answer = medkd("import", source, "--preview", "--json", "--column", "class=kind")

    found = json.loads(answer.out)
    assert answer.code == 2
    assert [problem["where"] for problem in found["problems"]] == ["cases.c"]
    assert (found["layout"], found["opened"], found["cases"]) == ("boxes in boxes.csv", 4, 4)
    assert found["sizes"] == {"1 x 30 x 40 voxels of 1 x 1 x 1 pixel": 4}
    assert found["tasks"]["boxes"]["classes"] == {"cyst": 1, "tumour": 2}


def test_a_preview_of_what_cannot_be_read_is_a_document_too(medkd: Medkd, source: Path):
    write(source / "boxes.csv", "image,x,y,w,h\na,1,2,3,wide\n")

    answer = medkd("import", source, "--preview", "--json")

    assert answer.code == 2
    assert [problem["problem"] for problem in json.loads(answer.out)["problems"]] == [
        "A box is no four numbers (a: 1, 2, 3, wide)."
    ]


def test_files_named_by_patterns_are_imported(tmp_path: Path, medkd: Medkd):
    for name in "abcd":
        picture(tmp_path / "s" / f"{name}_img.png")
        picture(tmp_path / "s" / "by-hand" / f"{name}.png", lit=(1, 2, 3, 4))

    answer = medkd("import", tmp_path / "s", tmp_path / "d", "--images", "*_img.png", "--masks", "by-hand/{case}.png")

    assert answer.code == 0, answer.err
    assert "segmentation: segmentation, 4 cases: background, label 10, label 200" in answer.out
    assert medkd("check", tmp_path / "d").code == 0


@pytest.mark.parametrize("options", [[], ["--masks", "{case}.png", "--preview"]])
def test_a_call_that_lacks_a_word_is_refused(medkd: Medkd, source: Path, options: list[str]):
    assert medkd("import", source, *options).code == 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is Unicode")
def test_an_image_whose_name_is_not_in_utf_8_is_told(tmp_path: Path, medkd: Medkd, source: Path):
    picture(source / os.fsdecode(b"M\xfcller.png"), 30, 40)

    answer = medkd("import", source, tmp_path / "d", "--images", "**/*.png")

    assert answer.code == 2
    assert "M?ller.png:" in answer.err
    assert "a name that is not in UTF-8" in answer.err
