"""Training on images that are read in parts: here the tiny ones, taken for too large."""

import numpy as np
import pytest

from napari_medkd.core.control import Always
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.events import EpochDone, PreviewSaved, RunEnded
from napari_medkd.core.spec import MethodChoice
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.data.streamed import StreamedImage, StreamedLabels
from napari_medkd.engine.loop import train
from napari_medkd.files.results import read_prediction
from napari_medkd.methods import method_named

pytestmark = pytest.mark.engine

KINDS = frozenset({"segmentation"})


@pytest.fixture(autouse=True)
def _small_memory(monkeypatch):
    monkeypatch.setattr("napari_medkd.engine.data.streamed.MOST_VOXELS_HELD", 1000)
    monkeypatch.setattr("napari_medkd.engine.data.cases.SIDE_OF_PART", 16)


def test_a_run_trains_judges_and_previews_parts(tiny_spec, tmp_path):
    bench = open_bench(tiny_spec.replace(method=MethodChoice(name="supervised")), KINDS)

    events = list(train(method_named("supervised"), bench, tmp_path, Always()))

    case = bench.training_cases[0]
    assert isinstance(case.image, StreamedImage)
    assert isinstance(case.label, StreamedLabels)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "completed"
    scores = [event.metrics["score"] for event in events if isinstance(event, EpochDone)]
    assert all(0 <= score <= 1 for score in scores)
    shown = next(event.path for event in events if isinstance(event, PreviewSaved))
    assert read_prediction(tmp_path / shown).grid.shape == (16, 16, 16)


def test_a_part_that_is_judged_lies_where_it_was_cut_around_what_is_labelled(tiny_spec):
    bench = open_bench(tiny_spec, KINDS)
    case = bench.training_cases[0]

    part = case.held()

    (z, y, x) = np.rint(case.grid.to_voxel(part.grid.to_world([[0, 0, 0]]))[0]).astype(int)
    np.testing.assert_array_equal(part.label_ZYX, case.label[z : z + 16, y : y + 16, x : x + 16])
    np.testing.assert_array_equal(part.image_CZYX, case.image[:, z : z + 16, y : y + 16, x : x + 16])
    assert part.label_ZYX.max() > 0


def test_a_method_that_needs_whole_images_refuses_them_by_name(tiny_spec, tmp_path):
    bench = open_bench(tiny_spec.replace(method=MethodChoice(name="shape-intensity")), KINDS)

    with pytest.raises(VolumeProblem, match=r"cases\.case_\d: The image is too large.*spacing"):
        list(train(method_named("shape-intensity"), bench, tmp_path, Always()))
