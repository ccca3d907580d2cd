"""Wishing a training to stop at a certain place."""

from napari_medkd.core.control import Wish


class StopAfter:
    """Wants to stop after a number of looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def wish(self) -> Wish:
        self.looks -= 1
        return "stop" if self.looks < 0 else "go"
