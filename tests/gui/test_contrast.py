from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_medkd.core.volume import Modality
from napari_medkd.gui.contrast import (
    AS_STORED,
    FULL_RANGE,
    MIDDLE_VALUES,
    MOST_VALUES,
    SOFT_TISSUE,
    Window,
    first_window,
    limits_of,
    names_after,
)


def _ct() -> NDArray[np.int16]:
    values = np.full((20, 20, 20), -1000, np.int16)
    values[5:15, 5:15, 5:15] = 50
    values[8:10, 8:10, 8:10] = 900
    return values


@pytest.mark.parametrize("modality", [Modality.CT, Modality.OTHER])
def test_hounsfield_units_are_shown_in_a_soft_tissue_window(modality: Modality) -> None:
    assert first_window(_ct(), modality) == Window(SOFT_TISSUE, -160.0, 240.0)


def test_a_few_very_bright_voxels_do_not_darken_a_scan() -> None:
    values = np.random.default_rng(0).uniform(0, 100, (30, 30, 30))
    values[0, 0, :5] = 1e6

    low, high = first_window(values, Modality.MR).limits

    assert 0 <= low < 5
    assert 90 < high <= 101


@pytest.mark.parametrize("values", [np.zeros((3, 3, 3)), np.full((3, 3, 3), np.nan), np.full((1, 1, 1), 7)])
def test_an_image_of_one_value_still_has_limits(values: NDArray[Any]) -> None:
    low, high = first_window(values, Modality.OTHER).limits

    assert low < high


def test_a_ct_is_offered_the_windows_of_its_tissues_and_an_mr_shares_of_its_intensities() -> None:
    assert names_after(SOFT_TISSUE) == ("Soft tissue", "Lung", "Bone", "Brain", "Full range")
    assert names_after(MOST_VALUES) == ("Most values", "Middle values", "Full range")
    assert names_after(AS_STORED) == ("As stored", "Most values", "Middle values", "Full range")


@pytest.mark.parametrize(
    ("name", "level", "width"),
    [("Soft tissue", 40, 400), ("Lung", -600, 1500), ("Bone", 400, 1800), ("Brain", 40, 80)],
)
def test_windows_of_ct_are_those_of_radiology(name: str, level: float, width: float) -> None:
    low, high = limits_of(_ct(), name)

    assert ((low + high) / 2, high - low) == (level, width)


def test_the_full_range_misses_no_voxel_of_a_large_array() -> None:
    values = np.zeros((130, 130, 130), np.int16)
    values[71, 13, 97], values[3, 5, 7] = 3071, -1024

    assert limits_of(values, FULL_RANGE) == (-1024.0, 3071.0)


def test_the_full_range_passes_over_what_is_no_number() -> None:
    values = np.array([[[np.nan, -2.0, np.inf, 5.0]]])

    assert limits_of(values, FULL_RANGE) == (-2.0, 5.0)


def test_the_middle_values_leave_out_more_than_most_values() -> None:
    values = np.linspace(0, 1000, 8000).reshape(20, 20, 20)

    most, middle = limits_of(values, MOST_VALUES), limits_of(values, MIDDLE_VALUES)

    np.testing.assert_allclose(most, (5, 998), atol=0.5)
    np.testing.assert_allclose(middle, (50, 950), atol=0.5)
