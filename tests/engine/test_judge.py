"""Scores while training."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.judge import exhaust, judge, shown_image
from napari_medkd.engine.sliding_window import sliding_window

pytestmark = pytest.mark.engine


class Relabelled(list):
    """Cases with other labels than those in their files."""

    def __init__(self, cases, label_of):
        super().__init__(PreparedCase(c.id, c.domain, c.image_CZYX, label_of(c), c.grid, c.original) for c in cases)
        self.tasks, self.preprocessing = cases.tasks, cases.preprocessing


def test_voxels_of_unknown_label_do_not_count(tiny_spec):
    bench = open_bench(tiny_spec, frozenset({"segmentation"}))
    cases, patch = bench.judged_cases, bench.preprocessing.patch
    torch.manual_seed(0)
    network = bench.network().eval()

    def said(case):
        image = torch.from_numpy(case.image_CZYX)
        return exhaust(sliding_window(network, image, patch, autocast=bench.machine.autocast)).labels.astype("int16")

    def wrong_in_half(case):
        labels = said(case)
        labels[:12] = (labels[:12] + 1) % bench.answers.num_classes
        return labels

    def unknown_in_half(case):
        labels = said(case)
        labels[:12] = UNKNOWN
        return labels

    assert judge(network, Relabelled(cases, wrong_in_half), bench.machine)["score"] < 0.9
    assert judge(network, Relabelled(cases, unknown_in_half), bench.machine)["score"] == 1


def test_of_a_case_that_is_shown_as_it_is_the_label_is_not_moved_to_the_device():
    unlabelled = SimpleNamespace(image_CZYX=np.ones((1, 2, 3, 4), np.float32))

    shown = shown_image(unlabelled, None, Machine(torch.device("cpu")))

    assert torch.equal(shown, torch.ones(1, 2, 3, 4))


def test_where_no_score_can_be_told_there_is_none(tiny_spec):
    bench = open_bench(tiny_spec, frozenset({"segmentation"}))

    def unknown(case):
        return torch.full(case.label_ZYX.shape, UNKNOWN).numpy().astype("int16")

    assert judge(bench.network(), Relabelled(bench.judged_cases, unknown), bench.machine) == {}
