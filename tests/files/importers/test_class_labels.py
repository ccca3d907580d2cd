import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from tests.files.importers.imported import case_labels, imported, picture, told, write, write_json


def laid_out(folder: Path, table: str, names: str = "abcd") -> Path:
    for name in names:
        picture(folder / "images" / f"{name}.png")
    write(folder / "labels.csv", table)
    return folder


def refused(folder: Path, **wishes: object) -> str:
    with pytest.raises(DatasetProblem) as caught:
        source_at(folder, ColumnWishes(**wishes))  # type: ignore[arg-type]
    return str(caught.value)


def test_image_class_patient_domain_and_side_are_known_by_their_headings(tmp_path):
    table = (
        "Image Index,Diagnosis,Patient ID,Scanner,Split\n"
        "a.png,sick,7,GE,train\nb.png,well,7,GE,training\nc.png,sick,8,Toshiba,val\nd.png,well,9,GE,test\n"
    )

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert case_labels(dataset, "diagnosis") == {"a": {"sick"}, "b": {"well"}, "c": {"sick"}, "d": {"well"}}
    assert [(case.group, case.domain) for case in dataset.cases] == [
        ("7", "GE"),
        ("7", "GE"),
        ("8", "Toshiba"),
        ("9", "GE"),
    ]
    assert (dataset.split.train, dataset.split.validate, dataset.split.test) == (("a", "b"), ("c",), ("d",))
    assert remarks == ()


def test_without_a_side_to_validate_a_part_of_the_training_patients_does(tmp_path):
    table = "image,label,patient,split\na,x,1,train\nb,y,1,train\nc,x,2,train\nd,y,3,test\n"

    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert dataset.split.test == ("d",)
    assert sorted([len(dataset.split.train), len(dataset.split.validate)]) == [1, 2]
    assert {"a", "b"} in (set(dataset.split.train), set(dataset.split.validate))


def test_patients_named_beside_a_table_of_sides_stay_together_when_those_who_validate_are_drawn(tmp_path):
    names = "abcdefgh"
    rows = "".join(
        f"{name},{'xy'[number % 2]},{'test' if number > 5 else 'train'}\n" for number, name in enumerate(names)
    )
    folder = laid_out(tmp_path / "s", f"image,label,split\n{rows}", names)
    write(folder / "cases.csv", "id,group\na,1\nb,1\nc,1\nd,2\ne,2\nf,2\n")

    dataset, _ = imported(folder, tmp_path / "d")

    assert [len(side) for side in (dataset.split.train, dataset.split.validate, dataset.split.test)] == [3, 3, 2]


def test_several_columns_of_classes_are_several_tasks_and_numbers_stay_in_order(tmp_path):
    table = "image,class,target\na,x,10\nb,y,9\nc,x,9\nd,y,10\n"

    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert dataset.task("class").classes == ("x", "y")
    assert dataset.task("target").classes == ("9", "10")


def test_of_two_columns_that_say_the_same_the_one_in_words_is_kept(tmp_path):
    table = "image,label,class\na,0,well\nb,1,sick\nc,0,well\nd,1,sick\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert list(dataset.tasks) == ["class"]
    assert "label and class" in told(remarks)


def test_columns_of_0_and_1_are_one_task_with_several_classes_at_once(tmp_path):
    table = "image,edema,effusion,age\na,1,0,50\nb,1,1,60\nc,0,0,70\nd,0,1,0\n"

    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert dataset.task("findings").multilabel
    assert case_labels(dataset, "findings") == {
        "a": {"edema"},
        "b": {"edema", "effusion"},
        "c": set(),
        "d": {"effusion"},
    }


def test_columns_of_0_and_1_with_one_1_in_each_row_are_exclusive_classes(tmp_path):
    table = "image,MEL,NV\na,1.0,0.0\nb,0.0,1.0\nc,1.0,0.0\nd,0.0,1.0\n"

    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert not dataset.task("class").multilabel
    assert case_labels(dataset, "class") == {"a": {"MEL"}, "b": {"NV"}, "c": {"MEL"}, "d": {"NV"}}


def test_findings_parted_by_a_bar_may_be_present_together(tmp_path):
    table = "image,Finding Labels\na,Mass|Nodule\nb,No Finding\nc,Mass\nd,\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert dataset.task("finding-labels").multilabel
    assert case_labels(dataset, "finding-labels") == {"a": {"Mass", "Nodule"}, "b": set(), "c": {"Mass"}}
    assert "Images have no class (1 in Finding Labels)" in told(remarks)


def test_no_finding_beside_one_other_class_is_a_class_of_two(tmp_path):
    table = "image,label\na,No Finding\nb,Pneumonia\nc,No Finding\nd,Pneumonia\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert not dataset.task("label").multilabel
    assert dataset.task("label").classes == ("No Finding", "Pneumonia")
    assert case_labels(dataset, "label")["a"] == {"No Finding"}
    assert "left out" not in told(remarks)


def test_no_finding_beside_several_classes_says_that_none_of_them_is_present(tmp_path):
    table = "image,label\na,No Finding\nb,Mass\nc,Nodule\nd,Mass\n"

    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert dataset.task("label").classes == ("Mass", "Nodule")
    assert case_labels(dataset, "label")["a"] == set()


def test_na_beside_one_other_class_is_a_class_and_told(tmp_path):
    table = "image,diagnosis\na,NA\nb,AD\nc,\nd,NA\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert case_labels(dataset, "diagnosis") == {"a": {"NA"}, "b": {"AD"}, "d": {"NA"}}
    assert "NA is taken as a class, for there is one other alone (diagnosis)" in told(remarks)


def test_na_beside_several_classes_says_that_nothing_is_known(tmp_path):
    dataset, _ = imported(laid_out(tmp_path / "s", "image,diagnosis\na,NA\nb,AD\nc,MCI\nd,AD\n"), tmp_path / "d")

    assert case_labels(dataset, "diagnosis") == {"b": {"AD"}, "c": {"MCI"}, "d": {"AD"}}


def test_a_person_names_the_columns(tmp_path):
    table = "image,birads,label,city\na,4,x,Oslo\nb,2,y,Oslo\nc,4,x,Rome\nd,2,x,Rome\n"
    wishes = ColumnWishes(domain="city", classes=("birads",))

    dataset, _ = imported(laid_out(tmp_path / "s", table), tmp_path / "d", wishes)

    assert list(dataset.tasks) == ["birads"]
    assert [case.domain for case in dataset.cases] == ["Oslo", "Oslo", "Rome", "Rome"]
    assert "Did you mean 'birads'?" in refused(tmp_path / "s", classes=("birad",))


def test_rows_without_an_image_are_left_out_and_told_once(tmp_path):
    rows = "".join(f"missing_{number},x\n" for number in range(1200))

    dataset, remarks = imported(laid_out(tmp_path / "s", f"image,label\na,x\nb,y\n{rows}"), tmp_path / "d")

    assert [case.id for case in dataset.cases] == ["a", "b"]
    assert "(missing_0, missing_1, missing_2 and 1,197 more)" in told(remarks)


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    table = (
        "image,label,site,split\n../../etc/a.png,x,1,train\n/abs/b.png,y,1,train\nc,x,1,dawn\nd,x,1,val\nd,x,2,val\n"
    )

    message = refused(laid_out(tmp_path / "s", table))

    assert "A name leaves the folder (../../etc/a.png, /abs/b.png)" in message
    assert "A side of the split is not known (c: dawn)" in message
    assert "Rows of one image differ in 'site' (1 and 2)" in message


def test_a_column_called_like_a_split_that_names_no_side_is_left_out_and_told(tmp_path):
    table = "image,label,phase\na,x,arterial\na,x,portal\nb,y,arterial\nc,x,NA\n"
    folder = laid_out(tmp_path / "s", table)

    dataset, remarks = imported(folder, tmp_path / "d")

    assert set(case_labels(dataset, "label")) == {"a", "b", "c"}
    assert "A column names no side of a split, and is not read (phase: arterial, portal)" in told(remarks)
    assert "A side of the split is not known" in refused(folder, split="phase")


def test_a_column_of_sides_with_a_stranger_is_refused(tmp_path):
    table = "image,label,phase\na,x,train\nb,y,arterial\n"

    assert "A side of the split is not known (b: arterial)" in refused(laid_out(tmp_path / "s", table))


def test_a_patient_on_two_sides_is_refused(tmp_path):
    table = "image,label,patient,split\na,x,1,train\nb,y,1,test\n"

    assert "Patient '1' is also in" in refused(laid_out(tmp_path / "s", table))


def test_a_name_of_two_images_means_the_one_in_images(tmp_path):
    folder = laid_out(tmp_path / "s", "image,label\na,x\nb,y\n")
    picture(folder / "lung_masks" / "a.png")

    dataset, _ = imported(folder, tmp_path / "d")

    assert dataset.case("a").images == (folder / "images" / "a.png",)


def test_a_name_that_may_mean_two_images_is_refused(tmp_path):
    for site in ("x", "y"):
        picture(tmp_path / "s" / site / "a.png")
    write(tmp_path / "s" / "labels.csv", "image,label\na,x\ny/a.png,y\n")

    assert "may mean several images (a: x/a.png, y/a.png)" in refused(tmp_path / "s")


def test_folds_beside_the_table_make_the_split(tmp_path):
    folder = laid_out(tmp_path / "s", "image,label\na,x\nb,y\nc,x\nd,y\n")
    write_json(folder / "splits.json", {"fold0": ["a.png"], "fold1": ["b.png"], "fold2": ["c.png"], "fold3": ["d.png"]})

    dataset, _ = imported(folder, tmp_path / "d")

    assert (dataset.split.train, dataset.split.validate, dataset.split.test) == (("c", "d"), ("b",), ("a",))


@pytest.mark.parametrize("content", [b"", b"image,image\na,b\n", b"\xff\xfe\x00i\x00m"])
def test_a_file_that_is_no_table_is_told(tmp_path, content):
    folder = laid_out(tmp_path / "s", "")
    (folder / "labels.csv").write_bytes(content)

    assert "labels.csv" in refused(folder / "labels.csv")
    found = source_at(folder, ColumnWishes())
    assert found.dataset.tasks == {}
    assert told(found.remarks).count("labels.csv: ") == told(found.remarks).count("The table is left out.") == 1


def test_a_file_that_is_no_table_is_told_where_nothing_else_is_found(tmp_path):
    folder = laid_out(tmp_path / "s", "")
    (folder / "images").rename(folder / "pictures")
    (folder / "labels.csv").write_bytes("image,label\na,\xe9\n".encode("latin-1"))

    message = refused(folder)

    assert "No dataset was found" in message
    assert "labels.csv: The file is not UTF-8 text" in message


def test_a_table_that_says_nothing_of_images_is_left_alone(tmp_path):
    folder = laid_out(tmp_path / "s", "drug,class\naspirin,x\nibuprofen,y\n")

    assert source_at(folder, ColumnWishes()).dataset.tasks == {}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("a.png,benign\na.png,malignant\nb,benign\n", "(a: 'benign' and 'malignant' in diagnosis)"),
        ("a.png,Mass|Nodule\na.png,No Finding\nb,Mass\n", "(a: 'Mass|Nodule' and 'No Finding' in diagnosis)"),
    ],
)
@pytest.mark.parametrize("classes", [(), ("diagnosis",)])
def test_rows_of_one_image_that_give_different_classes_are_refused(tmp_path, rows, found, classes):
    message = refused(laid_out(tmp_path / "s", f"image,diagnosis\n{rows}"), classes=classes)

    assert "labels.csv: Rows of one image give different classes" in message
    assert found in message
    assert "parted by |" in message


def test_conflicts_of_all_columns_are_told_at_once(tmp_path):
    message = refused(laid_out(tmp_path / "s", "image,class,target\na,x,1\na,y,1\nb,x,2\nb,x,3\nc,y,3\n"))

    assert "a: 'x' and 'y' in class" in message
    assert "b: '2' and '3' in target" in message


def test_rows_of_one_image_that_agree_are_one(tmp_path):
    table = "image,label,findings\na,x,Mass|Nodule\na,x,Nodule|Mass\nb,y,Mass\nb,,Mass\n"

    dataset, _ = imported(laid_out(tmp_path / "s", table, "ab"), tmp_path / "d")

    assert case_labels(dataset, "label") == {"a": {"x"}, "b": {"y"}}
    assert case_labels(dataset, "findings") == {"a": {"Mass", "Nodule"}, "b": {"Mass"}}


@pytest.mark.parametrize("unknown", ["-1", "-1.0", "", "nan"])
def test_an_unknown_cell_among_columns_of_0_and_1_leaves_the_others_known(tmp_path, unknown):
    table = f"image,Edema,Effusion,Mass\na,1.0,1.0,0.0\nb,0.0,{unknown},1.0\nc,1.0,0.0,0.0\nd,0.0,0.0,1.0\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    task = dataset.task("findings")
    assert (task.classes, task.multilabel) == (("Edema", "Effusion", "Mass"), True)
    assert dataset.case("b").annotations["findings"] == ClassLabel(frozenset({"Mass"}), task, frozenset({"Effusion"}))
    assert dataset.case("c").annotations["findings"] == ClassLabel(frozenset({"Edema"}), task)
    assert "unknown, and counts nowhere for its class (1 of 4: 1 in Effusion)" in told(remarks)


def test_unknown_cells_are_counted_by_image_and_by_column(tmp_path):
    table = "image,p,q,r,s,t\na,,,-1,,\nb,0,-1,0,1,0\nc,1,0,1,0,0\nd,1,1,0,0,1\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert "(2 of 4: 1 in p, 2 in q, 1 in r, 1 in s, 1 in t)" in told(remarks)
    assert [case.id for case in dataset.unlabelled("findings")] == ["a"]


def test_columns_of_1_and_blank_tell_that_no_class_is_ever_absent(tmp_path):
    table = "image,Edema,Effusion\na,1,\nb,1,1\nc,,1\nd,,\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    task = dataset.task("findings")
    assert case_labels(dataset, "findings") == {"a": {"Edema"}, "b": {"Edema", "Effusion"}, "c": {"Effusion"}}
    assert dataset.case("a").annotations["findings"] == ClassLabel(frozenset({"Edema"}), task, frozenset({"Effusion"}))
    assert "where blank means absent, write 0" in told(remarks)
    assert "No image is known not to show a class, so it would be learned as always present (Edema, Effusion)" in told(
        remarks
    )


def test_one_1_in_each_row_stays_exclusive_where_other_rows_are_blank(tmp_path):
    dataset, _ = imported(laid_out(tmp_path / "s", "image,MEL,NV\na,1,0\nb,0,1\nc,1,0\nd,,\n"), tmp_path / "d")

    assert case_labels(dataset, "class") == {"a": {"MEL"}, "b": {"NV"}, "c": {"MEL"}}


@pytest.mark.parametrize("always", ["0", "1"])
def test_a_column_that_says_the_same_of_all_images_is_a_class_among_others(tmp_path, always):
    table = "image,Edema,Hernia,Mass\n" + "".join(
        f"{row[0]},{row[1]},{always},{row[2]}\n" for row in ("a11", "b01", "c10")
    )

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert dataset.task("findings").classes == ("Edema", "Hernia", "Mass")
    assert "the same of all images, and is taken as a class (Hernia)" in told(remarks)


def test_a_column_that_says_nothing_is_no_class(tmp_path):
    table = "image,Edema,Notes,Hernia,Mass\na,1,,-1,1\nb,0,,,1\nc,1,,-1,0\nd,0,,,0\n"

    dataset, remarks = imported(laid_out(tmp_path / "s", table), tmp_path / "d")

    assert case_labels(dataset, "findings") == {"a": {"Edema", "Mass"}, "b": {"Mass"}, "c": {"Edema"}, "d": set()}
    assert "holds neither 0 nor 1, and is left out (Notes, Hernia)" in told(remarks)


def test_rows_of_one_image_that_differ_in_columns_of_0_and_1_are_refused(tmp_path):
    table = "image,Edema,Effusion\na,1,0\na,1,1\nb,0,1\nb,0.0,1.0\nc,1,0\nc,-1,0\n"

    message = refused(laid_out(tmp_path / "s", table))

    assert "labels.csv: Rows of one image give different classes" in message
    assert "(a: 0 and 1 in Effusion, c: -1 and 1 in Edema)" in message


def test_rows_of_one_image_that_agree_in_columns_of_0_and_1_are_one(tmp_path):
    dataset, _ = imported(laid_out(tmp_path / "s", "image,p,q\na,1,0\na,1.0,0\nb,0,1\nc,1,1\nc,,1\n"), tmp_path / "d")

    assert case_labels(dataset, "findings") == {"a": {"p"}, "b": {"q"}, "c": {"p", "q"}}


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [("诊断", "部位", ["诊断", "部位"]), ("Grade A", "Grade-A", ["grade-a", "grade-a-2"])],
)
def test_columns_of_any_script_are_tasks_of_their_own(tmp_path, first, second, names):
    for number in range(6):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(tmp_path / f"{number}.png")
    rows = "".join(f"{n}.png,{'xy'[n % 2]},{'uvw'[n % 3]}\n" for n in range(6))
    (tmp_path / "t.csv").write_text(f"image,{first},{second}\n{rows}", encoding="utf-8")

    found = source_at(tmp_path, ColumnWishes(classes=(first, second))).dataset

    assert list(found.tasks) == names
    assert [found.tasks[name].classes for name in names] == [("x", "y"), ("u", "v", "w")]


def test_names_with_accents_are_found_however_a_system_writes_them(tmp_path):
    for number, name in enumerate(("Fuß_ö", "Hand_ü")):
        path = tmp_path / f"{unicodedata.normalize('NFD', name)}.png"
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(path)
    (tmp_path / "t.csv").write_text("image,class\nFuß_ö.png,a\nHand_ü,b\n", encoding="utf-8")

    found = source_at(tmp_path, ColumnWishes()).dataset

    assert [case.id for case in found.cases] == ["Fuß_ö", "Hand_ü"]
    assert [set(case.annotations["class"].present) for case in found.cases] == [{"a"}, {"b"}]
