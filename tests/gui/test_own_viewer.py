from typing import Any

from napari_medkd.gui.own_viewer import once_per_viewer, own_viewer


class Viewer:
    """What can be kept in mind without being kept alive."""


class Proxy:
    """What stands before a viewer, as napari's own does."""

    def __init__(self, viewer: Viewer) -> None:
        self.__wrapped__ = viewer


def test_a_viewer_and_its_proxy_are_the_same_viewer():
    viewer = Viewer()

    assert own_viewer(Proxy(viewer)) is viewer
    assert own_viewer(viewer) is viewer


def test_each_viewer_itself_is_set_up_once():
    first, second = Viewer(), Viewer()
    set_up: list[Any] = []
    keep = once_per_viewer(set_up.append)

    for viewer in (Proxy(first), first, second, Proxy(first)):
        keep(viewer)

    assert set_up == [first, second]
