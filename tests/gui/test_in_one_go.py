"""Layers that go together are cleaned up after once, also where taking one away leads to taking away others."""

from typing import Any

import numpy as np
import pytest

from napari_medkd.gui.in_one_go import in_one_go

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    viewer = make_napari_viewer()
    for _ in range(6):
        viewer.add_image(np.zeros((4, 4)))
    with in_one_go(viewer):
        pass
    return viewer


def ends_of(viewer: Any) -> list[int]:
    """Return a list that grows with each clean-up, by the number of layers that are left then."""
    ends: list[int] = []
    viewer.layers.events.end_batch.connect(lambda: ends.append(len(viewer.layers)))
    return ends


def test_what_is_done_inside_another_belongs_to_the_outer(viewer: Any) -> None:
    ends = ends_of(viewer)

    with in_one_go(viewer):
        viewer.layers.pop()
        with in_one_go(viewer):
            viewer.layers.pop()
        viewer.layers.pop()

    assert ends == [3]


def test_what_leads_to_it_when_napari_takes_all_layers_away_does_not_end_that(viewer: Any) -> None:
    ends = ends_of(viewer)

    def answer() -> None:
        with in_one_go(viewer):
            pass

    viewer.layers.events.removed.connect(answer)
    viewer.layers.clear()

    assert ends == [0]


def test_after_a_failure_inside_the_next_is_drawn_again(viewer: Any) -> None:
    ends = ends_of(viewer)

    with pytest.raises(ZeroDivisionError), in_one_go(viewer):
        _ = 1 / 0
    with in_one_go(viewer):
        viewer.layers.pop()

    assert ends == [6, 5]
