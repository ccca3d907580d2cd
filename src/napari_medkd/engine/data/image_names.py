"""Names for what is computed from images and kept: of another image under the same id, it is something else."""

import hashlib

import numpy as np

from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.engine.data.cases import PreparedCase


class ImageNames:
    """Short names of cases' images, each of which is looked through once; any id makes a name that files may have."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, case: PreparedCase) -> str:
        """Return the name of a case's prepared image, made of the id and the intensities."""
        if case.id not in self._known:
            digest = hashlib.sha256(np.ascontiguousarray(case.image_CZYX).data).hexdigest()
            self._known[case.id] = f"{hashlib.sha256(case.id.encode()).hexdigest()[:12]}-{digest[:12]}"
        return self._known[case.id]


def seen_as(preprocessing: Preprocessing) -> str:
    """Return a short name of how networks see images, for the key of what is kept of them."""
    return hashlib.sha256(preprocessing.model_dump_json().encode()).hexdigest()[:8]
