"""Where nothing says which images are of one patient, each counts as a patient of its own: that is told."""

from dataclasses import replace

from napari_medkd.core.errors import Problem
from napari_medkd.files.importers.source import Source

_FOUND = "Every image counts as a patient of its own, for nothing says whose it is."


def telling_unknown_patients(source: Source, first_hint: str = "") -> Source:
    """Return the source with a remark where each of several cases is a patient of its own.

    Parameters
    ----------
    first_hint
        Where the patients can be named but in ``cases.csv``, ending in "or ".
    """
    cases = source.dataset.cases
    if len(cases) < 2 or any(case.group != case.id for case in cases):
        return source
    hint = f"If a patient has several, {first_hint}list id and group in cases.csv in this folder, and import again."
    return replace(source, remarks=(*source.remarks, Problem(str(source.dataset.folder), _FOUND, hint)))
