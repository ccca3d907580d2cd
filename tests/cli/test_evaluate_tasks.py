"""Scoring predictions of classes and of boxes, beside those of masks."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Attention, ClassScores, Prediction, ScoredBoxes
from napari_medkd.core.spec import PredictSpec, TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.files.opening import write_boxes, write_mask
from napari_medkd.files.results import write_prediction
from napari_medkd.runs.folder import RunFolder
from tests.cli.conftest import Medkd

GRID = Grid.upright((1, 100, 100), unit="pixel")
VOLUME = Grid.upright((10, 20, 20))

ORGAN = Task("organ", "segmentation", ("background", "lung"))
GRADE = Task("grade", "classification", ("benign", "malignant"))
FINDINGS = Task("findings", "classification", ("effusion", "nodule"), multilabel=True)
LESIONS = Task("lesions", "detection", ("mass", "cyst"))

FIRST, SECOND = [0, 10, 10, 1, 20, 20], [0, 50, 50, 1, 60, 70]
NOWHERE = [0, 80, 0, 1, 90, 10]

#: Case: domain, grade, findings, lesions. Of case f nothing is known.
TRUTH = {
    "a": ("GE", "benign", [], [("mass", FIRST), ("mass", SECOND)]),
    "b": ("GE", "malignant", ["nodule"], [("mass", FIRST)]),
    "c": ("Philips", "benign", ["effusion", "nodule"], []),
    "d": ("Philips", "malignant", ["effusion"], [("mass", FIRST)]),
}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Four cases of two domains with a mask, a class, findings and boxes each, and one case without any of them."""
    folder = tmp_path / "dataset"
    folder.mkdir()
    cases = []
    for name, (domain, grade, findings, lesions) in TRUTH.items():
        corners = np.array([box for _, box in lesions], dtype=np.float64).reshape(-1, 6)
        write_boxes(folder / f"{name}.json", Boxes(corners, tuple(kind for kind, _ in lesions), GRID, LESIONS))
        write_mask(folder / f"{name}.png", Mask(np.ones(GRID.shape, np.uint8), GRID, ORGAN))
        known = {"grade": {"present": [grade]}, "findings": {"present": findings}}
        known |= {"lesions": f"{name}.json", "organ": f"{name}.png"}
        cases.append({"id": name, "images": ["image.png"], "domain": domain, "annotations": known})
    cases.append({"id": "f", "images": ["image.png"], "domain": "GE"})
    tasks = {
        task.name: {"kind": task.kind, "classes": task.classes, "multilabel": task.multilabel}
        for task in (ORGAN, GRADE, FINDINGS, LESIONS)
    }
    split = {"train": ["a", "b"], "test": ["c", "d", "f"]}
    manifest = {"name": "breast", "tasks": tasks, "cases": cases, "split": split}
    (folder / "medkd-dataset.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def classified(folder: Path, task: Task, probabilities: dict[str, list[float]]) -> None:
    """Write predictions of classes, by case."""
    for case, row in probabilities.items():
        scores = ClassScores(dict(zip(task.classes, row, strict=True)))
        write_prediction(Prediction(case, task, GRID, "run", "student.done", scores=scores), folder)


def detected(folder: Path, found: dict[str, list[tuple[list[float], float]]], task: Task = LESIONS) -> None:
    """Write predictions of boxes of masses with their scores, by case."""
    for case, row in found.items():
        corners = np.array([box for box, _ in row], dtype=np.float64).reshape(-1, 6)
        boxes = Boxes(corners, (task.classes[0],) * len(row), GRID, task)
        scored = ScoredBoxes(boxes, np.array([score for _, score in row], dtype=np.float64))
        write_prediction(Prediction(case, task, GRID, "run", "student.done", boxes=scored), folder)


GRADES = {"a": [0.9, 0.1], "b": [0.4, 0.6], "c": [0.3, 0.7], "d": [0.2, 0.8]}
PRESENCE = {"a": [0.1, 0.2], "b": [0.2, 0.9], "c": [0.7, 0.4], "d": [0.6, 0.3]}
BOXES = {"a": [(FIRST, 0.9), (NOWHERE, 0.8)], "b": [(FIRST, 0.7)], "c": [], "d": [(NOWHERE, 0.2)]}


def evaluated(medkd: Medkd, dataset: Path, folder: Path, *more: object) -> dict:
    """Return the document of an evaluation."""
    answer = medkd("evaluate", folder, "--data", dataset, "--json", *more)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_one_class_an_image_is_scored_by_class_and_over_all(dataset: Path, tmp_path: Path, medkd: Medkd):
    classified(tmp_path / "p", GRADE, GRADES)

    benign, malignant, everything = evaluated(medkd, dataset, tmp_path / "p")["classes"]

    # the answers are benign, malignant, malignant, malignant: c is wrong, and stands between b and d
    assert (benign["class"], benign["n"], benign["present"], benign["auc"]) == ("benign", 4, 2, 0.75)
    assert (malignant["f1"], malignant["auc"]) == (pytest.approx(4 / 5), 0.75)
    assert (everything["class"], everything["n"], everything["accuracy"]) == ("all", 4, 0.75)
    assert everything["balanced_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    assert everything["f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    # 0.9 and 0.6 and 0.8 are right, 0.7 is wrong, each in a bin of its own
    assert everything["calibration_error"] == pytest.approx((0.1 + 0.4 + 0.7 + 0.2) / 4)


def test_where_a_network_looked_is_not_needed_to_score_it(dataset: Path, tmp_path: Path, medkd: Medkd):
    looked = Attention("benign", np.ones(GRID.shape, np.float32))
    scores = ClassScores({"benign": 0.9, "malignant": 0.1})
    said = Prediction("a", GRADE, GRID, "run", "student.done", scores=scores, attention=looked)
    (write_prediction(said, tmp_path / "p") / "attention.tif").unlink()

    assert evaluated(medkd, dataset, tmp_path / "p")["classes"][0]["n"] == 1


def test_several_classes_an_image_are_scored_by_domain_as_well(dataset: Path, tmp_path: Path, medkd: Medkd):
    classified(tmp_path / "p", FINDINGS, PRESENCE)

    found = evaluated(medkd, dataset, tmp_path / "p")

    assert [(row["class"], row["present"], row["auc"], row["f1"]) for row in found["classes"]] == [
        ("effusion", 2, 1.0, 1.0),
        ("nodule", 2, 1.0, pytest.approx(2 / 3)),
        ("all", 4, 1.0, pytest.approx(5 / 6)),
    ]
    # no image of GE has an effusion, all of Philips have one
    assert [(row["domain"], row["class"], row["n"], row["auc"]) for row in found["domains"]] == [
        ("GE", "effusion", 2, "nan"),
        ("GE", "nodule", 2, 1.0),
        ("GE", "all", 2, 1.0),
        ("Philips", "effusion", 2, "nan"),
        ("Philips", "nodule", 2, 1.0),
        ("Philips", "all", 2, 1.0),
    ]


def test_what_is_unknown_of_several_classes_is_not_scored(dataset: Path, tmp_path: Path, medkd: Medkd):
    document = json.loads((dataset / "medkd-dataset.json").read_text(encoding="utf-8"))
    document["cases"][0]["annotations"]["findings"] = {"present": [], "unknown": ["nodule"]}
    (dataset / "medkd-dataset.json").write_text(json.dumps(document), encoding="utf-8")
    classified(tmp_path / "p", FINDINGS, PRESENCE)

    found = evaluated(medkd, dataset, tmp_path / "p")

    assert [(row["class"], row["n"], row["present"]) for row in found["classes"]] == [
        ("effusion", 4, 2),
        ("nodule", 3, 2),
        ("all", 4, 4),
    ]
    assert [row["present"] for row in found["scores"] if row["class"] == "nodule"] == [None, 1, 1, 0]


def test_boxes_are_scored_by_class_and_domain(dataset: Path, tmp_path: Path, medkd: Medkd):
    detected(tmp_path / "p", BOXES)

    found = evaluated(medkd, dataset, tmp_path / "p")

    mass, cyst, everything = found["classes"]
    # by score: hit, false, hit, false; four true boxes: precision 1 up to recall 1/4, 2/3 up to 2/4
    expected = (26 * 1 + 25 * 2 / 3) / 101
    assert (mass["n"], mass["boxes"], mass["true_boxes"], mass["froc_overlap"]) == (4, 4, 4, 0.5)
    assert [mass[name] for name in ("ap10", "ap50", "ap50_95")] == pytest.approx([expected] * 3)
    # no false positive in four images at 1/8 of one, one of them at 1/4
    assert list(mass["sensitivities"].items())[:2] == [("1/8", 0.25), ("1/4", 0.5)]
    assert mass["froc"] == pytest.approx((0.25 + 6 * 0.5) / 7)
    assert (cyst["true_boxes"], cyst["ap50"], cyst["froc"]) == (0, "nan", "nan")
    assert everything["ap50"] == pytest.approx(expected)
    of_masses = [row for row in found["domains"] if row["class"] == "mass"]
    assert [(row["domain"], row["true_boxes"], row["ap50"]) for row in of_masses] == [
        ("GE", 3, pytest.approx((34 * 1 + 33 * 2 / 3) / 101)),
        ("Philips", 1, 0.0),
    ]


def test_true_boxes_are_cut_to_the_image_and_none_outside_of_it_is_missed(dataset: Path, tmp_path: Path, medkd: Medkd):
    corners = np.array([[0, -10, 10, 1, 10, 20], [0, 120, 10, 1, 130, 20]], dtype=np.float64)
    write_boxes(dataset / "b.json", Boxes(corners, ("mass", "mass"), GRID, LESIONS))
    detected(tmp_path / "p", {"b": [([0, 0, 10, 1, 10, 20], 0.9)]})

    mass = evaluated(medkd, dataset, tmp_path / "p")["classes"][0]

    assert (mass["true_boxes"], mass["ap50"], mass["ap50_95"]) == (1, 1.0, 1.0)


def test_boxes_in_volumes_are_found_from_a_smaller_overlap_on(dataset: Path, tmp_path: Path, medkd: Medkd):
    third = Boxes(np.array([[0, 10, 10, 1, 20, 13.0]]), ("mass",), VOLUME, LESIONS)
    scored = ScoredBoxes(third, np.array([0.5]))
    write_prediction(Prediction("b", LESIONS, VOLUME, "run", "student.done", boxes=scored), tmp_path / "p")

    answer = medkd("evaluate", tmp_path / "p", "--data", dataset)
    mass = evaluated(medkd, dataset, tmp_path / "p")["classes"][0]

    assert (mass["ap10"], mass["ap50"], mass["froc"], mass["froc_overlap"]) == (1.0, 0.0, 1.0, 0.1)
    assert "AP@0.1" in answer.out
    assert "mAP@[.5:.95]" not in answer.out


def test_each_task_of_a_folder_tree_has_its_tables(dataset: Path, tmp_path: Path, medkd: Medkd):
    classified(tmp_path / "p" / "grade", GRADE, GRADES)
    classified(tmp_path / "p" / "findings", FINDINGS, PRESENCE)
    detected(tmp_path / "p" / "lesions", BOXES)
    mask = Mask(np.ones(GRID.shape, np.uint8), GRID, ORGAN)
    write_prediction(Prediction("a", ORGAN, GRID, "run", "student.done", mask=mask), tmp_path / "p" / "organ")

    told = medkd("evaluate", tmp_path / "p", "--data", dataset).out
    found = evaluated(medkd, dataset, tmp_path / "p")

    for title in ("organ, segmentation", "grade, classification", "findings, classification", "lesions, detection"):
        name = title.split(",")[0]
        assert f"{name}: student\nTask {title}\n" in told
    assert "domain   class     n  present  AUC" in told
    assert "domain   class  n  boxes  true boxes  AP50   mAP@[.5:.95]  FROC" in told
    assert {row["task"] for row in found["classes"]} == {"organ", "grade", "findings", "lesions"}
    assert [(row["case"], row["dice"]) for row in found["cases"]] == [("a", 1.0)]


def test_a_line_of_the_csv_is_a_case_and_class(dataset: Path, tmp_path: Path, medkd: Medkd):
    classified(tmp_path / "p" / "findings", FINDINGS, PRESENCE)
    detected(tmp_path / "p" / "lesions", BOXES)

    medkd("evaluate", tmp_path / "p", "--data", dataset, "--csv", tmp_path / "s.csv")

    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["case"] in ("a", "c")]
    told = [[row[key] for key in ("case", "class", "probability", "present")] for row in rows]
    assert told[:4] == [
        ["a", "effusion", "0.1", "0"],
        ["a", "nodule", "0.2", "0"],
        ["c", "effusion", "0.7", "1"],
        ["c", "nodule", "0.4", "1"],
    ]
    told = [[row[key] for key in ("case", "class", "boxes", "true_boxes", "sensitivity", "present")] for row in rows]
    assert told[4:] == [
        ["a", "mass", "2", "2", "0.5", ""],
        ["a", "cyst", "0", "0", "nan", ""],
        ["c", "mass", "0", "0", "nan", ""],
        ["c", "cyst", "0", "0", "nan", ""],
    ]


def test_cases_without_truth_or_prediction_are_named_by_task(dataset: Path, tmp_path: Path, medkd: Medkd):
    classified(tmp_path / "p", GRADE, {"c": [0.9, 0.1], "f": [0.9, 0.1]})
    detected(tmp_path / "q", {"d": [], "f": []})

    found = evaluated(medkd, dataset, tmp_path, "--split", "test")

    assert found["notes"] == [
        "p: 1 of 3 test cases have no prediction.",
        "p: Dataset 'breast' has no true class to score these by: f.",
        "q: 1 of 3 test cases have no prediction.",
        "q: Dataset 'breast' has no true boxes to score these by: f.",
    ]


def test_all_cases_of_the_dataset_can_be_asked_for(dataset: Path, tmp_path: Path, medkd: Medkd):
    classified(tmp_path / "p", GRADE, {"a": [0.9, 0.1], "c": [0.9, 0.1]})

    found = evaluated(medkd, dataset, tmp_path / "p", "--split", "all")

    assert {row["case"] for row in found["scores"]} == {"a", "c"}
    assert found["notes"] == ["p: 3 of 5 cases have no prediction."]


def test_two_tasks_in_one_folder_are_told_apart(dataset: Path, tmp_path: Path, medkd: Medkd):
    classified(tmp_path / "p", GRADE, {"c": [0.9, 0.1]})
    detected(tmp_path / "p", {"d": []})

    notes = evaluated(medkd, dataset, tmp_path / "p", "--split", "test")["notes"]

    assert notes == [
        "p, task grade: 2 of 3 test cases have no prediction.",
        "p, task lesions: 2 of 3 test cases have no prediction.",
    ]


def test_tasks_in_folders_below_a_prediction_find_the_dataset_it_was_asked_about(
    dataset: Path, tmp_path: Path, medkd: Medkd
):
    run = RunFolder.create(tmp_path / "runs", TrainSpec(datasets=(dataset,))).path
    asked = RunFolder.for_prediction(PredictSpec(run=run, cases=("a",), out=run / "predictions" / "student-all")).path
    classified(asked / "grade", GRADE, GRADES)
    detected(asked / "lesions", BOXES)

    found = json.loads(medkd("evaluate", run, "--json").out)

    assert {row["predictions"] for row in found["classes"]} == {"student-all/grade", "student-all/lesions"}


def test_domains_are_not_told_where_there_are_none(dataset: Path, tmp_path: Path, medkd: Medkd):
    manifest = dataset / "medkd-dataset.json"
    document = json.loads(manifest.read_text(encoding="utf-8"))
    for case in document["cases"]:
        case["domain"] = ""
    manifest.write_text(json.dumps(document), encoding="utf-8")
    classified(tmp_path / "p", GRADE, GRADES)

    assert evaluated(medkd, dataset, tmp_path / "p")["domains"] == []
    assert "Domains" not in medkd("evaluate", tmp_path / "p", "--data", dataset).out


OTHER_GRADE = Task("grade", "classification", ("benign", "normal"))


def test_class_scores_of_other_classes_are_refused(dataset: Path, tmp_path: Path, medkd: Medkd):
    classified(tmp_path / "p", OTHER_GRADE, {"a": [0.9, 0.1], "b": [0.9, 0.1]})

    answer = medkd("evaluate", tmp_path / "p", "--data", dataset)

    assert answer.code == 2
    assert answer.err.count("classes are benign, malignant but the network's benign, normal") == 2


def test_boxes_of_other_classes_are_refused(dataset: Path, tmp_path: Path, medkd: Medkd):
    detected(tmp_path / "p", {"a": [(FIRST, 0.5)]}, Task("lesions", "detection", ("mass",)))

    answer = medkd("evaluate", tmp_path / "p", "--data", dataset)

    assert answer.code == 2
    assert "classes are mass, cyst but the network's mass." in answer.err


def test_a_task_of_another_kind_is_refused(dataset: Path, tmp_path: Path, medkd: Medkd):
    several = Task("grade", "classification", GRADE.classes, multilabel=True)
    classified(tmp_path / "p", several, {"a": [0.9, 0.1]})

    answer = medkd("evaluate", tmp_path / "p", "--data", dataset)

    assert answer.code == 2
    assert "is classification but the network's is classification of several classes at once" in answer.err


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"benign": 1.0}, "There are scores of benign; expected one for each of benign, malignant."),
        ({"benign": 1.5, "malignant": -0.5}, "no probabilities from 0 to 1: benign 1.5, malignant -0.5."),
        (None, "p/a:\n  The prediction holds no class scores."),
    ],
)
def test_scores_that_are_no_probabilities_of_the_classes_are_refused(
    dataset: Path, tmp_path: Path, medkd: Medkd, scores: dict[str, float] | None, said: str
):
    said_by_network = ClassScores(scores) if scores else None
    prediction = Prediction("a", GRADE, GRID, "run", "student.done", scores=said_by_network)
    write_prediction(prediction, tmp_path / "p")

    answer = medkd("evaluate", tmp_path / "p", "--data", dataset)

    assert answer.code == 2
    assert said in answer.err


@pytest.mark.parametrize(("task", "kind"), [(LESIONS, "boxes"), (ORGAN, "mask")])
def test_a_prediction_without_an_answer_to_its_task_is_refused(
    dataset: Path, tmp_path: Path, medkd: Medkd, task: Task, kind: str
):
    write_prediction(Prediction("a", task, GRID, "run", "student.done"), tmp_path / "p")

    answer = medkd("evaluate", tmp_path / "p", "--data", dataset)

    assert answer.code == 2
    assert f"The prediction holds no {kind}." in answer.err


def test_a_truth_that_is_no_box_file_is_named(dataset: Path, tmp_path: Path, medkd: Medkd):
    (dataset / "a.json").write_bytes((dataset / "a.png").read_bytes())
    detected(tmp_path / "p", BOXES)

    answer = medkd("evaluate", tmp_path / "p", "--data", dataset)

    assert answer.code == 2
    assert str(dataset / "a.json") in answer.err
    assert '"corners": [z0, y0, x0, z1, y1, x1]' in answer.err
