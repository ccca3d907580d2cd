"""Batches drawn from several datasets at once."""

import pytest
import torch

from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.spec import Schedule
from napari_medkd.engine.data.batches import Batches
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.data.mixing import mixed
from napari_medkd.files.manifest import open_dataset
from tests.pictures import SIDE, write_pictures

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def of_eight_and_two(tmp_path_factory) -> list[Batches]:
    """What draws from a dataset of eight cases, and from one of two."""
    dataset = open_dataset(write_pictures(tmp_path_factory.mktemp("data") / "signs", "signs", tasks="c"))
    recipe = Preprocessing(dimensions=2, spacing=(1, 1, 1), patch=(1, SIDE, SIDE), channels=dataset.channels)
    tasks, names = tuple(dataset.tasks.values()), dataset.split.train
    schedule, cpu = Schedule(augmentation="none"), torch.device("cpu")
    return [Batches(Cases(dataset, tasks, chosen, recipe), schedule, cpu) for chosen in (names[:8], names[8 - 2 :])]


def counts(drawing: list[Batches], size: int, steps: int = 1) -> list[list[int]]:
    """Return how many samples of each dataset there are in each batch."""
    batches = mixed(drawing, size, steps)(torch.Generator().manual_seed(0))
    found = [{part.pupil: len(part.image_BCZYX) for part in batch.parts} for batch in batches]
    return [[each.get(pupil, 0) for pupil in range(len(drawing))] for each in found]


def test_a_dataset_of_four_times_as_many_cases_is_drawn_from_twice_as_often(of_eight_and_two):
    ((large, small),) = counts(of_eight_and_two, size=900)

    # the root of 8 is twice that of 2: two thirds, give or take 3 standard deviations of 1.6 %
    assert large + small == 900
    assert large / 900 == pytest.approx(2 / 3, abs=0.047)


def test_every_batch_has_its_size_whichever_datasets_it_is_of(of_eight_and_two):
    found = counts(of_eight_and_two, size=2, steps=12)

    assert [sum(each) for each in found] == [2] * 12
    assert any(0 in each for each in found)  # one dataset alone
    assert any(0 not in each for each in found)
