"""What holds of a viewer as soon as it shows something of ours; each of these holds once, however often it is asked."""

from typing import Any

from napari_medkd.gui.class_names import keep_class_names
from napari_medkd.gui.direction_letters import keep_letters
from napari_medkd.gui.planes import keep_unmirrored
from napari_medkd.gui.pointer import keep_world_coordinates
from napari_medkd.gui.status_line import keep_on_one_line


def keep_all(viewer: Any) -> None:
    """Keep slices upright with letters at their sides, and the status bar true, from now on."""
    keep_unmirrored(viewer)
    keep_letters(viewer)
    keep_class_names(viewer)
    keep_on_one_line(viewer)
    keep_world_coordinates(viewer)
