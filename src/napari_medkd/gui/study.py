"""The study: the datasets that are open side by side. One of them is the current one, whose cases are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medkd.gui.members import Member, joined

if TYPE_CHECKING:
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
