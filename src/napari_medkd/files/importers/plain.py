"""Images alone, without a mask: cases that wait to be annotated, in ``images/`` or in the folder itself.

A folder inside that holds DICOM is a case.
"""

from pathlib import Path

from napari_medkd.core.dataset import Dataset
from napari_medkd.files.importers.pairs import by_name, dataset_of, image_shelf


def recognise(folder: Path) -> Dataset | None:
    """Return the dataset of the folder, which has no task yet, or None where there is no image."""
    images = by_name(image_shelf(folder))
    if not images:
        return None
    return dataset_of(folder, images)
