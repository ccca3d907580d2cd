import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset, LabelMap, Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.manifest import MANIFEST, is_ours, open_dataset, write_dataset

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"), ignore=255)
GRADE = Task("grade", "classification", ("benign", "malignant"))


def manifest(**changes: Any) -> dict[str, Any]:
    """A sound manifest of two cases, with some fields changed."""
    document: dict[str, Any] = {
        "schema_version": 1,
        "name": "livers",
        "channels": ["T1", "T2"],
        "modality": "MR",
        "tasks": {
            "organs": {"kind": "segmentation", "classes": ["background", "liver", "spleen"], "label_map": {"7": 1}},
            "grade": {"kind": "classification", "classes": ["benign", "malignant"]},
            "found": {"kind": "detection", "classes": ["cyst"]},
        },
        "cases": [
            {
                "id": "a",
                "images": ["images/a_t1.nii.gz", "images/a_t2.nii.gz"],
                "group": "Ann",
                "domain": "Bonn",
                "annotations": {"organs": "labels/a.nii.gz", "grade": {"present": ["benign"]}, "found": "boxes/a.json"},
            },
            {"id": "b", "images": ["images/b.nii.gz"]},
        ],
        "split": {"train": ["a"], "validate": ["b"]},
    }
    return {name: value for name, value in (document | changes).items() if value is not ...}


def written(folder: Path, document: Any) -> Path:
    (folder / MANIFEST).write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return folder


def problems_of(folder: Path, document: Any) -> dict[str, str]:
    """What a person is told, by place in the manifest."""
    with pytest.raises(DatasetProblem) as error:
        open_dataset(written(folder, document))
    prefix = f"{folder / MANIFEST}: "
    assert all(problem.where.startswith(prefix) and problem.hint for problem in error.value.problems)
    return {problem.where.removeprefix(prefix): f"{problem.problem} {problem.hint}" for problem in error.value.problems}


# ---------------------------------------------------------------- opening


@pytest.mark.parametrize("named", ["", MANIFEST])
def test_a_manifest_is_opened_by_its_folder_or_by_its_own_path(tmp_path, named):
    dataset = open_dataset(written(tmp_path, manifest()) / named)

    first, second = dataset.cases
    assert (dataset.name, dataset.channels, dataset.modality) == ("livers", ("T1", "T2"), Modality.MR)
    assert list(dataset.tasks) == ["organs", "grade", "found"]
    assert first.images == (tmp_path / "images/a_t1.nii.gz", tmp_path / "images/a_t2.nii.gz")
    assert (first.group, first.domain) == ("Ann", "Bonn")
    assert first.annotations["organs"] == tmp_path / "labels/a.nii.gz"
    assert first.annotations["grade"] == ClassLabel(frozenset({"benign"}), GRADE)
    assert (second.group, second.domain, dict(second.annotations)) == ("b", "", {})
    assert dataset.split == Split(("a",), ("b",), ())
    assert dataset.label_maps == {"organs": LabelMap({7: 1})}
    assert dataset.folder == tmp_path


def test_a_manifest_of_another_name_is_opened_too(tmp_path):
    (tmp_path / "subset.json").write_text(json.dumps(manifest()))

    assert open_dataset(tmp_path / "subset.json").name == "livers"


def test_a_mark_that_some_editors_put_first_does_no_harm(tmp_path):
    (tmp_path / MANIFEST).write_text(json.dumps(manifest()), encoding="utf-8-sig")

    assert open_dataset(tmp_path).name == "livers"


def test_a_manifest_without_a_split_is_split_by_group(tmp_path):
    cases = [{"id": f"c{n}", "images": ["a.nii"], "annotations": {"grade": {"present": ["benign"]}}} for n in range(20)]

    split = open_dataset(written(tmp_path, manifest(cases=cases, split=..., channels=["T1"]))).split

    assert (len(split.train), len(split.validate), len(split.test)) == (14, 3, 3)


def test_an_empty_split_stays_empty(tmp_path):
    assert open_dataset(written(tmp_path, manifest(split={}))).split == Split()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are those of POSIX")
def test_a_folder_that_is_read_only_can_be_opened_and_nothing_is_written(tmp_path):
    written(tmp_path, manifest())
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)

    try:
        open_dataset(tmp_path)
    finally:
        tmp_path.chmod(stat.S_IRWXU)

    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


def test_a_path_that_is_nothing_is_refused(tmp_path):
    with pytest.raises(DatasetProblem, match=r"nowhere.*does not exist"):
        open_dataset(tmp_path / "nowhere")


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON document"),
        ('{"name": ', "no JSON document"),
        ("[1]", "Found a list"),
        ("\udcff", "no JSON document"),
        ("[" * 100_000, "no JSON document"),
        (json.dumps(manifest(schema_version=2)), "schema version 2.*newer"),
    ],
    ids=["empty", "cut off", "a list", "not text", "deep", "from the future"],
)
def test_a_file_that_is_no_manifest_is_refused_by_its_name(tmp_path, text, said):
    (tmp_path / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(DatasetProblem, match=rf"medkd-dataset\.json.*{said}"):
        open_dataset(tmp_path)


def test_every_problem_is_reported_at_once(tmp_path):
    document = manifest(
        nome="x",
        modality="PET",
        tasks={
            "organs": {"kind": "segmentation", "classes": ["background", "liver"]},
            "sizes": {"kind": "regression", "classes": ["a", "b"]},
            "none": {"kind": "segmentation", "classes": ["background"]},
            "grade": {"kind": "classification", "classes": ["benign", "malignant"], "multilabels": True},
        },
        cases=[
            {"id": "a", "images": ["a.nii", "b.nii", "c.nii"], "annotations": {"organs": {"present": ["liver"]}}},
            {"id": "b", "images": ["b.nii"], "annotations": {"organ": "b.nii", "sizes": "b.nii"}},
            {"id": "c", "image": ["c.nii"]},
            {"id": "d", "images": ["../d.nii"], "group": "Dan"},
            {"id": "e", "images": ["sub\\e.nii"], "group": "Dan"},
            {"id": "e", "images": ["f.nii"]},
            "g.nii",
        ],
        split={"train": ["a", "c", "d", "zzz"], "validate": ["e"], "val": ["b"]},
    )

    told = problems_of(tmp_path, document)

    assert "Did you mean 'name'" in told["nome"]
    assert "'CT', 'MR'" in told["modality"]
    assert "'segmentation', 'classification' or 'detection'" in told["tasks.sizes.kind"]
    assert "at least 2" in told["tasks.none"]
    assert "Did you mean 'multilabel'" in told["tasks.grade.multilabels"]
    assert "3 files are listed for 2 channels (T1, T2)" in told["cases.a.images"]
    assert "a class label, but the task is segmentation" in told["cases.a.annotations.organs"]
    assert "Did you mean 'organs'" in told["cases.b.annotations.organ"]
    assert "Did you mean 'images'" in told["cases.2.image"]
    assert "missing" in told["cases.2.images"]
    assert "leaves the dataset's folder" in told["cases.d.images.0"]
    assert "forward slashes" in told["cases.e.images.0"]
    assert "listed twice" in told["cases.e"]
    assert "cases.6" in told
    assert "test, train, validate" in told["split.val"]
    assert len(told) == 15


def test_a_contradicting_split_is_reported_with_the_rest(tmp_path):
    split = {"train": ["a", "zzz"], "validate": ["b"]}
    cases = [{"id": name, "images": ["x.nii"], "group": "Ann"} for name in "ab"]

    told = problems_of(
        tmp_path, manifest(cases=cases, split=split, tasks={"grade": {"kind": "classification", "classes": []}})
    )

    assert set(told) == {"tasks.grade", "split.train", "split.validate.b"}
    assert "'zzz'" in told["split.train"]
    assert "'Ann'" in told["split.validate.b"]


def test_naming_something_faulty_is_no_second_fault(tmp_path):
    cases = [
        {"id": "a", "images": [], "annotations": {}},
        {"id": "b", "images": ["b.nii"], "annotations": {"odd": "b.nii"}},
    ]
    tasks = {"odd": {"kind": "?", "classes": ["a", "b"]}}

    told = problems_of(tmp_path, manifest(cases=cases, tasks=tasks))

    assert set(told) == {"cases.0.images", "tasks.odd.kind"}


def test_the_channels_are_not_counted_where_they_are_faulty(tmp_path):
    assert set(problems_of(tmp_path, manifest(channels="T1"))) == {"channels"}


@pytest.mark.parametrize(
    ("known", "task", "said"),
    [
        ({"present": ["malign"]}, "grade", "'malign'"),
        ({"present": ["benign", "malignant"]}, "grade", "exactly one"),
        ("labels/a.nii", "grade", "a path, but the task is classification"),
        ({"present": ["cyst"]}, "found", "a class label, but the task is detection"),
        ({"presents": ["benign"]}, "grade", "Did you mean 'present'"),
    ],
)
def test_an_annotation_of_the_wrong_kind_is_refused(tmp_path, known, task, said):
    cases = [{"id": "a", "images": ["a.nii"], "annotations": {task: known}}]

    told = problems_of(tmp_path, manifest(cases=cases, split={}))

    assert any(said in text for text in told.values()), told


def test_a_label_map_with_impossible_labels_is_refused(tmp_path):
    tasks = {"organs": {"kind": "segmentation", "classes": ["a", "b"], "label_map": {"-1": 1, "2": 70_000, "x": 1}}}

    assert len(problems_of(tmp_path, manifest(tasks=tasks, cases=[], split={}))) == 3


# ---------------------------------------------------------------- writing


def dataset(folder: Path) -> Dataset:
    cases = (
        Case(
            "a",
            (folder / "images/a 1.nii.gz", folder.parent / "elsewhere/a.nii.gz"),
            "Ann",
            "Bonn",
            {"organs": folder / "labels/a.nii.gz", "grade": ClassLabel(frozenset({"malignant"}), GRADE)},
        ),
        Case("b", (folder / "images/b.nii.gz",), "b"),
    )
    return Dataset(
        "livers",
        ("T1", "T2"),
        Modality.MR,
        {"organs": ORGANS, "grade": GRADE},
        cases,
        Split(("a",), (), ("b",)),
        {"organs": LabelMap({7: 1, 9: 255})},
        folder,
    )


def test_a_written_dataset_is_opened_as_it_was(tmp_path):
    first = dataset(tmp_path)

    path = write_dataset(first, tmp_path)

    assert path == tmp_path / MANIFEST
    assert open_dataset(tmp_path) == first


def test_what_is_unknown_of_several_classes_is_written_and_opened(tmp_path):
    signs = Task("signs", "classification", ("nodule", "mass", "cyst"), multilabel=True)
    labels = {
        "a": ClassLabel(frozenset({"mass"}), signs, frozenset({"nodule", "cyst"})),
        "b": ClassLabel(frozenset({"cyst"}), signs),
    }
    cases = tuple(Case(name, (tmp_path / "a.png",), name, annotations={"signs": one}) for name, one in labels.items())
    made = Dataset("chests", ("image",), Modality.XR, {"signs": signs}, cases, Split(("a", "b")), folder=tmp_path)

    path = write_dataset(made, tmp_path)

    assert open_dataset(tmp_path) == made
    written_labels = [case["annotations"]["signs"] for case in json.loads(path.read_text())["cases"]]
    assert written_labels == [{"present": ["mass"], "unknown": ["cyst", "nodule"]}, {"present": ["cyst"]}]


def test_paths_are_relative_inside_the_folder_and_whole_elsewhere(tmp_path):
    write_dataset(dataset(tmp_path), tmp_path)

    (first, _) = json.loads((tmp_path / MANIFEST).read_text())["cases"]
    assert first["images"] == ["images/a 1.nii.gz", (tmp_path.parent / "elsewhere/a.nii.gz").as_posix()]


def test_paths_relative_to_the_working_folder_are_found_again(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    write_dataset(dataset(Path("data")), Path("data"))

    assert open_dataset(tmp_path / "data").cases[1].images == (tmp_path / "data/images/b.nii.gz",)


def test_a_dataset_whose_manifest_moved_with_it_still_opens(tmp_path):
    (tmp_path / "old").mkdir()
    write_dataset(dataset(tmp_path / "old"), tmp_path / "old")

    (tmp_path / "old").rename(tmp_path / "new")

    assert open_dataset(tmp_path / "new").cases[1].images == (tmp_path / "new/images/b.nii.gz",)


def test_our_own_manifest_is_replaced(tmp_path):
    written(tmp_path, manifest(name="old"))

    write_dataset(dataset(tmp_path), tmp_path)

    assert json.loads((tmp_path / MANIFEST).read_text())["name"] == "livers"


@pytest.mark.parametrize("text", ["", "{}", '{"name": "BRATS", "modality": {"0": "FLAIR"}}'])
def test_what_is_not_ours_is_never_overwritten(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)

    with pytest.raises(DatasetProblem, match="left alone"):
        write_dataset(dataset(tmp_path), tmp_path)
    assert (tmp_path / MANIFEST).read_text() == text


def test_a_foreign_dataset_json_is_left_as_it_is(tmp_path):
    (tmp_path / "dataset.json").write_text("foreign")

    write_dataset(dataset(tmp_path), tmp_path)

    assert (tmp_path / "dataset.json").read_text() == "foreign"


def test_a_manifest_without_its_version_is_ours(tmp_path):
    path = tmp_path / MANIFEST
    path.write_text('{"name": "set", "cases": []}')
    assert is_ours(path)
    path.write_text('{"name": "Task02_Heart", "training": [], "cases": []}')
    assert not is_ours(path)
