"""What a joint teacher says beforehand of whole images is what a student follows."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.spec import MethodChoice, Target
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.data import array_cache
from napari_medkd.engine.data.teacher_answers import TeacherAnswers
from napari_medkd.engine.method import settings_of
from napari_medkd.engine.networks.heads import Output
from napari_medkd.engine.networks.multi_head import MultiHead
from napari_medkd.engine.networks.pupils import Pupil
from napari_medkd.methods.joint_teacher import METHOD
from tests.methods.joint_runs import ALL, first_batch, spec_of, stages_of
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine


def test_what_the_teacher_said_beforehand_is_what_it_says_of_an_image_that_is_not_varied(cells, tmp_path):
    targets = ALL[:2]
    spec = spec_of(cells, targets=targets, features=0.0, answers=1.0, beforehand=True)
    spec = spec.replace(schedule=spec.schedule.replace(augmentation="none"))
    _, stages = stages_of(spec)
    stage, teacher = stages["student"], stages["teacher"].product.for_pupil(0)

    batch = first_batch(stage)

    with torch.no_grad():
        online = teacher(batch.image_BCZYX)
    torch.testing.assert_close(batch.said.mask_BKZYX, online.segmentation, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(batch.said.classes_BK, online.classification, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("memory_bytes", [array_cache.MEMORY_BYTES, 0])
def test_what_was_said_beforehand_moves_with_the_image(cells, tmp_path, monkeypatch, memory_bytes):
    monkeypatch.setattr(array_cache, "MEMORY_BYTES", memory_bytes)
    spec = spec_of(cells, targets=ALL[:1], features=0.0, answers=1.0, beforehand=True)
    bench = open_bench(spec, METHOD.tasks).in_run(tmp_path)

    class Copying(torch.nn.Module):
        """Says of every voxel how bright it is."""

        dimensions = 2

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, image):
            return Output((), segmentation=torch.cat([image, self.weight * image], dim=1))

    moving = bench.spec.schedule.replace(augmentation="paper")  # turns and shifts alone
    batches = replace(bench, spec=bench.spec.replace(schedule=moving)).batches(teacher=Copying())

    batch = next(iter(batches(torch.Generator().manual_seed(4))))

    torch.testing.assert_close(batch.said.mask_BKZYX[:, :1], batch.image_BCZYX, atol=1e-4, rtol=1e-4)


def test_what_was_said_beforehand_of_one_dataset_is_not_said_of_the_same_images_in_another(tmp_path):
    once, twice = (write_pictures(tmp_path / name, "scans", tasks="c") for name in ("once", "twice"))
    named = json.loads((twice / "medkd-dataset.json").read_text())
    (twice / "medkd-dataset.json").write_text(json.dumps(named | {"name": "again"}))
    spec = spec_of(once, twice, targets=(Target(),), features=0.0, answers=1.0, beforehand=True)
    spec = spec.replace(schedule=spec.schedule.replace(augmentation="none"))
    benches = open_bench(spec, METHOD.tasks).in_run(tmp_path).benches
    pupils = tuple(Pupil(in_channels=1, answers=each.answers) for each in benches)
    torch.manual_seed(0)
    teacher = MultiHead(2, pupils, (4, 8, 8))

    for pupil, bench in enumerate(benches):
        asked = teacher.for_pupil(pupil).eval()
        batch = next(iter(bench.batches(teacher=asked)(torch.Generator().manual_seed(0))))

        with torch.no_grad():
            online = asked(batch.image_BCZYX)
        torch.testing.assert_close(batch.said.classes_BK, online.classification, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("other", ["teacher", "recipe"])
def test_what_was_said_by_another_teacher_or_of_another_recipe_is_not_said_again(cells, tmp_path, other):
    bench = open_bench(spec_of(cells, targets=ALL[:2]), METHOD.tasks)
    torch.manual_seed(0)
    first, second = (bench.network().eval() for _ in range(2))
    whole = bench.preprocessing.replace(patch=(1, 32, 32))
    case, everywhere, shape = bench.training_cases[0], np.zeros(3, np.int64), (1, 32, 32)

    def said(teacher, recipe, folder):
        kept = TeacherAnswers(teacher, bench.answers, recipe, bench.machine, folder)
        return kept.of_mask(case, everywhere, shape), kept.of_classes(case)

    asked = (second, whole) if other == "teacher" else (first, whole.replace(patch=(1, 64, 64)))
    before = said(first, whole, tmp_path / "cache")
    after = said(*asked, tmp_path / "cache")

    for one, another, alone in zip(before, after, said(*asked, None), strict=True):
        np.testing.assert_array_equal(another, alone)
        assert not np.array_equal(one, another)
    for one, again in zip(before, said(first, whole, tmp_path / "cache"), strict=True):
        np.testing.assert_array_equal(one, again)


def test_boxes_are_not_followed_beforehand(cells):
    spec = spec_of(cells, features=0.0, answers=1.0, beforehand=True)

    with pytest.raises(InputProblem, match="boxes of 'places'"):
        stages_of(spec)


def test_images_that_are_not_held_are_told_before_anything_is_trained(cells, monkeypatch):
    monkeypatch.setattr("napari_medkd.engine.data.streamed.MOST_VOXELS_HELD", 1000)
    spec = spec_of(cells, targets=ALL[:1], features=0.0, answers=1.0, beforehand=True)
    bench = open_bench(spec, METHOD.tasks)

    with pytest.raises(InputProblem) as refused:
        next(METHOD.stages(settings_of(METHOD, spec.method), bench))

    found, *others = refused.value.problems
    assert len(others) == 7
    assert found.where == str(cells / "cells0_0.png")
    assert "has 1 x 32 x 32 voxels" in found.problem
    assert "the teacher's answers are kept beforehand of whole images" in found.problem
    assert "method.settings.beforehand" in found.hint


def test_maps_are_not_followed_beforehand():
    with pytest.raises(InputProblem, match="set features to 0"):
        settings_of(METHOD, MethodChoice(name="joint-teacher", settings={"beforehand": True}))
