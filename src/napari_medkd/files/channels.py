"""What channels are called, and whether the volumes beside three dimensions are channels or points in time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.packed import by

COLOURS = ("red", "green", "blue")

#: What a header says of a fourth dimension.
Meaning: TypeAlias = Literal["channels", "time", "unsaid"]

#: More volumes than these are not taken for channels where nothing says so.
_MOST_UNNAMED_CHANNELS = 8
_HINT = (
    "Save the volume you need as its own file. If the volumes are channels, name each of them: "
    "`channels` in medkd-dataset.json, {} names."
)


def channel_names(
    sizes: Sequence[int], count: int, meaning: Meaning, num_channels: int | None, path: Path
) -> tuple[str, ...]:
    """Return a name for each of ``count`` volumes, if they are channels.

    They are where the header says so, where the caller knows of as many channels, and where nothing is said of a few.

    Parameters
    ----------
    sizes
        Of one volume, for the message.
    num_channels
        How many channels the caller expects, if it knows.

    Raises
    ------
    VolumeProblem
        Where they are a time series, or so many that they may be one.
    """
    if count == 1:
        return ("image",)
    are_few = meaning == "unsaid" and count <= _MOST_UNNAMED_CHANNELS
    if count == num_channels or meaning == "channels" or are_few:
        return tuple(f"channel {n + 1}" for n in range(count))
    volumes = f"{count} volumes of {by(sizes)} voxels"
    said = (
        f"The image is a time series: {volumes}."
        if meaning == "time"
        else f"The image holds {volumes}; its header does not say whether they are a time series or channels."
    )
    raise VolumeProblem(str(path), said, _HINT.format(count))
