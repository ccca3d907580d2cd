import json

import pytest
import torch

from napari_medkd.core.errors import DatasetProblem, RunProblem
from napari_medkd.core.spec import Hardware, NetworkChoice, Target, TrainSpec
from napari_medkd.engine.bench import CASES_JUDGED, evenly, open_bench
from napari_medkd.engine.resolved import read_resolved
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine

SEGMENTATION = frozenset({"segmentation"})


@pytest.fixture(autouse=True)
def _threads_as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_a_continued_run_computes_with_as_many_threads_as_it_began_with(tiny_spec):
    open_choice = tiny_spec.replace(hardware=Hardware(device="cpu", precision="fp32"))
    resolved = open_bench(open_choice, SEGMENTATION).resolved
    begun_elsewhere = resolved.replace(threads=3)

    bench = open_bench(open_choice, SEGMENTATION, begun_elsewhere)

    assert torch.get_num_threads() == 3
    assert bench.resolved.threads == 3


def test_a_wished_number_of_threads_is_kept(tiny_spec):
    bench = open_bench(tiny_spec.replace(hardware=Hardware(device="cpu", precision="fp32", threads=3)), SEGMENTATION)

    assert bench.resolved.threads == torch.get_num_threads() == 3


def labels_of_patches(spec, size):
    """Draw patches of that many voxels a side, from cases of 24."""
    wide = spec.preprocessing.replace(patch=(size, size, size))
    bench = open_bench(spec.replace(preprocessing=wide), SEGMENTATION)
    batch = next(iter(bench.batches()(torch.Generator().manual_seed(0))))
    return batch.label_BZYX


def test_one_references_label_goes_on_beyond_its_edges(tiny_spec):
    assert (labels_of_patches(tiny_spec.replace(references=("case_0",)), 32) >= 0).all()
    assert (labels_of_patches(tiny_spec, 32) == -1).any()


@pytest.mark.parametrize(
    ("most", "chosen"), [(1, "a"), (2, "ad"), (3, "ace"), (4, "abde"), (6, "abcdef"), (9, "abcdef")]
)
def test_what_is_judged_is_taken_evenly_from_the_list(most, chosen):
    assert "".join(evenly(tuple("abcdef"), most)) == chosen


def test_cases_listed_class_by_class_are_judged_of_every_class(tmp_path, monkeypatch):
    folder = write_pictures(tmp_path / "signs", "signs", tasks="c")
    document = json.loads((folder / "medkd-dataset.json").read_text())
    ids = [case["id"] for case in document["cases"]]
    by_class = [*ids[4::2], *ids[5::2]]  # plain ones first, then the framed ones
    document["split"] = {"train": ids[:4], "validate": by_class}
    (folder / "medkd-dataset.json").write_text(json.dumps(document))
    monkeypatch.setitem(CASES_JUDGED, "classification", 4)

    bench = open_bench(TrainSpec(datasets=(folder,)), frozenset({"classification"}))

    assert bench.judged_cases.names == ("signs4", "signs8", "signs5", "signs9")


def test_of_a_task_that_few_cases_are_annotated_for_those_are_judged(tmp_path, monkeypatch):
    folder = write_pictures(tmp_path / "signs", "signs", tasks="mc")
    document = json.loads((folder / "medkd-dataset.json").read_text())
    ids = [case["id"] for case in document["cases"]]
    document["split"] = {"train": ids[:2], "validate": ids[2:]}
    for case in document["cases"]:
        if case["id"] not in {"signs0", "signs3", "signs8", "signs11"}:
            del case["annotations"]["shape"]
    (folder / "medkd-dataset.json").write_text(json.dumps(document))
    monkeypatch.setitem(CASES_JUDGED, "segmentation", 2)
    monkeypatch.setitem(CASES_JUDGED, "classification", 4)

    spec = TrainSpec(
        datasets=(folder,),
        targets=(Target(task="shape"), Target(task="border")),
        network=NetworkChoice(widths=(4, 8)),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
    )
    bench = open_bench(spec, frozenset({"segmentation", "classification"}))

    of_masks, of_classes = {"signs3", "signs8"}, {"signs2", "signs4", "signs7", "signs9"}
    assert bench.judged_cases.names == tuple(name for name in ids if name in of_masks | of_classes)


def test_no_image_of_a_patient_who_is_judged_is_learned_from_without_its_label(tiny_dataset, tiny_spec, tmp_path):
    document = json.loads((tiny_dataset / "medkd-dataset.json").read_text())
    for case in document["cases"]:
        case["images"] = [str(tiny_dataset / path) for path in case["images"]]
        case["annotations"] = {"shapes": str(tiny_dataset / case["annotations"]["shapes"])}
    document["cases"][1]["group"] = "case_4"  # who validates
    document["cases"][2]["group"] = "case_5"  # who is tested
    document["split"]["train"] = ["case_0"]
    (tmp_path / "medkd-dataset.json").write_text(json.dumps(document))

    bench = open_bench(tiny_spec.replace(datasets=(tmp_path,), references=("case_0",)), SEGMENTATION)

    assert bench.unlabelled_cases.names == ("case_3",)


@pytest.fixture
def begun(tmp_path):
    """A dataset of pictures of which a run has begun to learn, its spec, and what was decided."""
    folder = write_pictures(tmp_path / "signs", "signs", tasks="m")
    hardware = Hardware(device="cpu", precision="fp32", threads=1)
    spec = TrainSpec(datasets=(folder,), network=NetworkChoice(widths=(4, 8)), hardware=hardware)
    return folder, spec, open_bench(spec, SEGMENTATION).resolved


def rewrite(folder, change):
    """Change a dataset's manifest as a function of its document does."""
    path = folder / "medkd-dataset.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_continued_run_learns_from_the_cases_it_began_with(begun):
    folder, spec, resolved = begun
    ids = [f"signs{number}" for number in range(12)]
    rewrite(folder, lambda document: document.update(split={"train": ids[4:8], "validate": ids[:2], "test": ids[2:4]}))

    bench = open_bench(spec, SEGMENTATION, resolved)

    assert bench.training_cases.names == tuple(ids[:8]) == bench.resolved.taught_by["signs"]
    assert bench.judged_cases.names == ()


def remove_a_case(document):
    document["cases"] = [case for case in document["cases"] if case["id"] != "signs0"]
    document["split"]["train"].remove("signs0")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (remove_a_case, "are gone, or have lost their labels: signs0."),
        (lambda document: document["cases"][1].update(annotations={}), "have lost their labels: signs1."),
        (lambda document: document.update(name="marks"), "began with signs; .* called marks now"),
        (lambda document: document.update(channels=["T1"]), "channels channel 0; they are T1 now"),
        (
            lambda document: document["tasks"]["shape"].update(classes=["rectangle", "background", "cross"]),
            r"'shape' \(background, rectangle\); the dataset has .* \(rectangle, background, cross\) now",
        ),
        (lambda document: document["tasks"]["shape"].update(ignore=255), r"\(background, rectangle, 255 ignored\) now"),
        (
            lambda document: document["tasks"]["shape"].update(label_map={"1": 0, "2": 1}),
            "stored labels of 'shape' read as they are; they are read as 1 -> 0, 2 -> 1 now",
        ),
    ],
    ids=["case", "label", "name", "channels", "classes", "ignored", "label map"],
)
def test_a_run_is_not_continued_on_what_is_not_what_it_began_with(begun, change, says):
    folder, spec, resolved = begun
    rewrite(folder, change)

    with pytest.raises(DatasetProblem, match=says) as refused:
        open_bench(spec, SEGMENTATION, resolved)

    assert "train a new run" in refused.value.problems[0].hint


@pytest.mark.parametrize("classes", [["background", "rectangle"], ["background", "box"]], ids=["same", "renamed"])
def test_a_run_goes_on_where_colours_names_or_further_cases_are_all_that_changed(begun, classes):
    folder, spec, resolved = begun
    rewrite(folder, lambda document: document["tasks"]["shape"].update(colours=["#ff0000"], classes=classes))
    rewrite(folder, lambda document: document["cases"].append({**document["cases"][0], "id": "more"}))

    again = open_bench(spec, SEGMENTATION, resolved)

    assert again.resolved == resolved
    assert again.task.classes == ("background", "rectangle")


def test_a_run_of_one_reference_goes_on_with_the_images_it_began_with(begun):
    folder, spec, _ = begun
    spec = spec.replace(references=("signs0",))
    resolved = open_bench(spec, SEGMENTATION).resolved
    images = tuple(f"signs{number}" for number in range(1, 8))
    rewrite(folder, lambda document: document["cases"].append({**document["cases"][0], "id": "more"}))
    rewrite(folder, lambda document: document["split"].update(train=["signs0"], validate=["signs3"]))

    assert open_bench(spec, SEGMENTATION, resolved).unlabelled_cases.names == images

    rewrite(folder, lambda document: document["cases"].pop(5))
    with pytest.raises(DatasetProblem, match="are gone, or have lost their labels: signs5"):
        open_bench(spec, SEGMENTATION, resolved)


def test_a_run_of_an_older_version_that_wrote_less_down_goes_on(begun, tmp_path):
    _, spec, resolved = begun
    document = resolved.model_dump(mode="json")
    del document["taught_by"], document["courses"][0]["tasks"], document["courses"][0]["label_maps"]
    (tmp_path / "resolved.json").write_text(json.dumps(document))

    bench = open_bench(spec, SEGMENTATION, read_resolved(tmp_path / "resolved.json"))

    assert bench.resolved.taught_by == resolved.taught_by
    assert len(bench.training_cases) == 8


def test_decisions_of_another_version_are_told_and_not_a_crash(tmp_path):
    (tmp_path / "resolved.json").write_text('{"preprocessing": {}, "device": "cpu", "precision": "fp32"}')

    with pytest.raises(RunProblem, match="not what this version writes"):
        read_resolved(tmp_path / "resolved.json")
