"""The study: the datasets that are open side by side. One of them is the current one, whose cases are listed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medkd.gui.members import Member, joined

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medkd.core.dataset import Dataset
    from napari_medkd.gui.state import Session


def current_of(session: Session) -> Member | None:
    """Return the current dataset; None while none is open."""
    if session.dataset is None:
        return None
    return Member(session.dataset_path or session.dataset.folder, session.dataset, session.references)


def study_of(session: Session) -> tuple[Member, ...]:
    """Return the open datasets, the current one as it is now."""
    current = current_of(session)
    return session.study if current is None else joined(session.study, [current])


def renew(session: Session, dataset: Dataset, path: Path | None = None) -> Member | None:
    """Take in that a dataset of the study was changed, and is read from another path where one is given.

    Returns
    -------
    What stands in the study now; None where the dataset is not open any more.
    """
    known = next((one for one in study_of(session) if one.folder == dataset.folder.resolve()), None)
    if known is None:
        return None
    changed, current = replace(known, dataset=dataset, path=path or known.path), current_of(session)
    if current is not None and current.folder == changed.folder:
        session.dataset_path = changed.path
        session.dataset = dataset
    else:
        session.study = joined(study_of(session), [changed])
    return changed
