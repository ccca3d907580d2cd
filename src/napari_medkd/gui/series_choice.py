"""Which of several DICOM images is opened: the person picks one where a window stands, else it is the largest."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.gui.window_in_sight import window_in_sight

if TYPE_CHECKING:
    from napari_medkd.files.dicom_series import Listing, Series


def choose_series(path: Path, listing: "Listing") -> "Series | None":
    """Return the image of a DICOM folder or file that shall be opened, None where the person cancels.

    What is not opened without being asked about is told: the other images, and files that cannot be read.
    """
    if len(listing.series) == 1:
        _tell_what_is_damaged(listing)
        return listing.series[0]
    window = window_in_sight()
    if window is not None:
        from napari_medkd.gui.series_dialog import ask_for_series

        return ask_for_series(path, listing, window)
    _tell_what_is_damaged(listing)
    _tell_what_else_there_is(path, listing)
    return listing.series[0]


def _tell_what_is_damaged(listing: "Listing") -> None:
    from napari.utils.notifications import show_warning

    if listing.problems:
        show_warning("Not opened, for they cannot be read:\n" + "\n".join(map(str, listing.problems)))


def _tell_what_else_there_is(path: Path, listing: "Listing") -> None:
    from napari.utils.notifications import show_info

    from napari_medkd.files.series_path import picking

    shown, next_one = listing.series[:2]
    others = "1 other is" if len(listing.series) == 2 else f"{len(listing.series) - 1} others are"
    show_info(
        f"{path.name} holds {len(listing.series)} DICOM images. The largest is shown: {shown.describe()}. {others} not "
        f"shown: open its folder alone. In a dataset and on the command line the next largest, {next_one.describe()}, "
        f"is {picking(path, next_one.key)}"
    )
