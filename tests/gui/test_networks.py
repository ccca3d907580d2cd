import json
from pathlib import Path
from typing import Any

import pytest

from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.gui.networks import name_of, networks_of, stage_of, student_for, title_of

ORGANS = {"name": "organs", "kind": "segmentation", "classes": ["background", "liver"]}
GRADE = {"name": "grade", "kind": "classification", "classes": ["benign", "malignant"], "multilabel": False}
SIGNS = {"name": "signs", "kind": "classification", "classes": ["effusion"], "multilabel": True}
FOUND = {"name": "found", "kind": "detection", "classes": ["nodule"]}


def add(run: Path, stage: str, which: str = "done", **card: Any) -> None:
    weights = checkpoint_path(run, stage, which)
    weights.parent.mkdir(exist_ok=True, parents=True)
    weights.write_bytes(b"")
    known = {"sees": "image", "task": ORGANS, "preprocessing": {"channels": ["t1", "flair"]}}
    weights.with_suffix(".json").write_text(json.dumps(known | card))


def test_the_networks_of_a_run_stand_in_the_order_in_which_a_person_looks_for_them(tmp_path):
    for stage in ("expert-bccd", "teacher", "student-chest", "expert-busbra", "student-breast"):
        add(tmp_path, stage)

    stages = [network.stage for network in networks_of(tmp_path)]

    assert stages == ["student-breast", "student-chest", "teacher", "expert-bccd", "expert-busbra"]


def test_a_network_of_several_tasks_lists_them_with_the_first_one_first(tmp_path):
    add(tmp_path, "student", task=GRADE, tasks=[GRADE, SIGNS, FOUND], dataset="chest")

    [network] = networks_of(tmp_path)

    assert [(task.name, task.kind, task.multilabel) for task in network.tasks] == [
        ("grade", "classification", False),
        ("signs", "classification", True),
        ("found", "detection", False),
    ]
    assert (network.dataset, network.channels, network.needs_mask) == ("chest", ("t1", "flair"), False)


def test_a_card_of_one_task_is_a_network_of_one_task(tmp_path):
    add(tmp_path, "student", task=ORGANS | {"ignore": 255, "colours": ["#ff0000"]})

    [network] = networks_of(tmp_path)

    assert [(task.name, task.ignore, task.colours) for task in network.tasks] == [("organs", 255, ("#ff0000",))]


@pytest.mark.parametrize("kind", [GRADE, FOUND], ids=["classification", "detection"])
def test_a_network_that_draws_no_mask_can_be_asked_too(tmp_path, kind):
    add(tmp_path, "student", task=kind)

    assert [network.tasks[0].kind for network in networks_of(tmp_path)] == [kind["kind"]]


def test_a_network_is_known_once_by_its_last_weights(tmp_path):
    add(tmp_path, "student", "best", dataset="best")
    add(tmp_path, "student", "done", dataset="done")
    add(tmp_path, "student", "epoch-00003")

    assert [network.dataset for network in networks_of(tmp_path)] == ["done"]


def test_what_answers_no_task_or_has_a_damaged_card_is_left_out(tmp_path):
    add(tmp_path, "registration")
    add(tmp_path, "teacher", task={"name": "organs"})
    add(tmp_path, "expert", task=ORGANS | {"classes": ["background"]})

    assert networks_of(tmp_path) == ()
    assert networks_of(tmp_path / "nowhere") == ()


def test_a_network_of_a_dataset_is_called_by_both_names():
    assert stage_of("student-my.data.done") == "student-my.data"
    assert stage_of("student") == "student"
    assert name_of("expert-busbra") == "expert · busbra"
    assert title_of("student-busbra", "image") == "student · busbra"


def test_a_network_of_several_datasets_has_a_card_for_each_and_one_file_of_weights(tmp_path):
    add(tmp_path, "teacher", task=None)
    for name in ("cells", "spots"):
        card = {"sees": "image", "task": ORGANS, "preprocessing": {"channels": ["t1"]}, "dataset": name}
        path = checkpoint_path(tmp_path, f"teacher-{name}", "done").with_suffix(".json")
        path.write_text(json.dumps(card | {"weights": "teacher.done.safetensors"}))

    found = [(network.stage, network.dataset) for network in networks_of(tmp_path)]
    checkpoint_path(tmp_path, "teacher", "done").unlink()

    assert found == [("teacher-cells", "cells"), ("teacher-spots", "spots")]
    assert networks_of(tmp_path) == ()


def test_the_student_of_a_dataset_is_the_one_that_was_taught_it(tmp_path):
    for name in ("cells", "spots"):
        add(tmp_path, f"student-{name}", dataset=name)
        add(tmp_path, f"expert-{name}", dataset=name)
    both = networks_of(tmp_path)
    only = [network for network in both if network.dataset == "cells"]

    assert student_for(both, "spots").stage == "student-spots"
    assert student_for(both, "elsewhere") is None
    assert student_for(only, "spots") is None


def test_the_student_of_a_run_on_one_dataset_can_be_asked_about_any(tmp_path):
    add(tmp_path, "student", dataset="cells")

    assert student_for(networks_of(tmp_path), "elsewhere").stage == "student"
