"""Images alone, without a mask: cases that wait to be annotated, in ``images/`` or in the folder itself.

A folder inside that holds DICOM is a case.
"""

from pathlib import Path

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.files.importers.pairs import by_name, channels_and_modality, image_shelf


def recognise(folder: Path) -> Dataset | None:
    """Return the dataset of the folder, which has no task yet, or None where there is no image."""
    images = by_name(image_shelf(folder))
    if not images:
        return None
    channels, modality = channels_and_modality(list(images.values()))
    return Dataset(
        name=folder.resolve().name,
        channels=channels,
        modality=modality,
        tasks={},
        cases=tuple(Case(name, (path,), name) for name, path in images.items()),
        folder=folder,
    )
