"""One pass of a network for all its heads, where an image fits into its window."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_medkd.core.spec import Target
from napari_medkd.engine.answers import Answer, Sight, answers
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.judge import judge
from napari_medkd.engine.one_pass import asked_once
from tests.methods.joint_runs import spec_of
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine

TASKS = ("shape", "border", "places")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A bench of pictures that fit into the window, with a mask, a class and boxes of each."""
    cells = write_pictures(tmp_path_factory.mktemp("data") / "cells", "cells")
    targets = tuple(Target(dataset="cells", task=name) for name in TASKS)
    kinds = frozenset({"segmentation", "classification", "detection"})
    return open_bench(spec_of(cells, targets=targets, method="supervised"), kinds)


@pytest.fixture
def network(bench):
    torch.manual_seed(0)
    return bench.network().eval()


def passes_of(network):
    passes = []
    network.register_forward_hook(lambda *_: passes.append(1))
    return passes


def said(network, tasks, bench):
    case = bench.judged_cases[0]
    sight = Sight(torch.from_numpy(case.image_CZYX), case.grid, case.original, bench.preprocessing)
    return [one for one in answers(network, tasks, sight, bench.machine) if isinstance(one, Answer)]


def test_a_case_is_judged_by_one_pass_with_the_scores_of_one_for_each_task(bench, network):
    cases = bench.judged_cases
    alone = {}
    for task in bench.tasks:
        of_task = type(cases)(cases.dataset, (task,), cases.names, cases.preprocessing)
        alone |= {name: value for name, value in judge(network, of_task, bench.machine).items() if name != "score"}
    passes = passes_of(network)

    scores = judge(network, cases, bench.machine)

    assert len(passes) == len(cases)
    assert {name: value for name, value in scores.items() if name != "score"} == alone


def test_masks_and_boxes_are_answered_by_one_pass_and_attention_by_one_with_gradients(bench, network):
    alone = [said(network, (task,), bench)[0] for task in bench.tasks]
    passes = passes_of(network)

    together = said(network, bench.tasks, bench)

    assert len(passes) == 2
    mask, scores, boxes = (next(one for one in together if one.task.name == name) for name in TASKS)
    expected = {one.task.name: one for one in alone}
    np.testing.assert_array_equal(mask.mask.labels, expected["shape"].mask.labels)
    assert mask.uncertainty == expected["shape"].uncertainty
    assert scores.scores == expected["border"].scores
    np.testing.assert_array_equal(scores.attention.map_ZYX, expected["border"].attention.map_ZYX)
    np.testing.assert_array_equal(boxes.boxes.scores, expected["places"].boxes.scores)
    np.testing.assert_array_equal(boxes.boxes.boxes.corners, expected["places"].boxes.boxes.corners)


def test_an_image_of_several_windows_is_passed_window_by_window(bench, network):
    (mask, *_) = bench.tasks
    case = bench.judged_cases[0]
    patch = (1, *(side // 2 for side in bench.preprocessing.patch[1:]))
    recipe = bench.preprocessing.replace(patch=patch)
    sight = Sight(torch.from_numpy(case.image_CZYX), case.grid, case.original, recipe)
    alone = [one for one in answers(network, (mask,), sight, bench.machine) if isinstance(one, Answer)]

    both = list(answers(network, (mask, replace(mask, name="again")), sight, bench.machine))

    labels = [one.mask.labels for one in both if isinstance(one, Answer)]
    assert all(np.array_equal(one, alone[0].mask.labels) for one in labels)


def test_another_image_is_passed_by_itself(bench, network):
    first = torch.from_numpy(bench.judged_cases[0].image_CZYX)[None, :, 0]
    asked = asked_once(network, first.shape[2:], first.shape[2:], num_tasks=2)

    with torch.no_grad():
        asked(first)
        other = asked(first.flip(-1)).logits

    torch.testing.assert_close(other, network(first.flip(-1)).logits.detach(), rtol=0, atol=0)
