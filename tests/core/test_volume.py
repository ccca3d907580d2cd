from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Modality, Volume

GRID = Grid.upright((2, 3, 4))


def test_a_volume_holds_channels_on_its_grid():
    volume = Volume(np.zeros((2, 2, 3, 4)), GRID, ("T1", "FLAIR"), Modality.MR)

    assert volume.data.shape == (2, 2, 3, 4)
    assert volume.modality == "MR"


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 2, 4, 3), (1, 1, 2, 3, 4)])
def test_an_array_that_does_not_fit_the_grid_is_refused_by_the_name_of_its_file(shape):
    with pytest.raises(VolumeProblem, match=r"liver\.nii.*expected \(channel, z, y, x\)"):
        Volume(np.zeros(shape), GRID, source=Path("liver.nii"))


def test_channels_without_a_name_are_refused():
    with pytest.raises(VolumeProblem, match="2 channels but 1 channel names"):
        Volume(np.zeros((2, 2, 3, 4)), GRID)


@pytest.mark.parametrize("stranger", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_none_makes_a_volume_not_finite(stranger):
    data = np.zeros((1, 2, 3, 4), np.float32)
    assert Volume(data.copy(), GRID).is_finite

    data[0, 1, 2, 3] = stranger

    assert not Volume(data, GRID).is_finite


def test_whole_numbers_are_always_finite():
    assert Volume(np.full((1, 2, 3, 4), 255, np.uint8), GRID).is_finite
