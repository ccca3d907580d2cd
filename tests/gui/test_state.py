import gc
from pathlib import Path

from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy

from napari_medkd.gui.state import Session, session_of


def test_a_viewer_and_its_proxy_share_one_session():
    viewer = ViewerModel()

    assert session_of(viewer) is session_of(PublicOnlyProxy(viewer))


def test_two_viewers_have_two_sessions():
    one, other = ViewerModel(), ViewerModel()

    assert session_of(one) is not session_of(other)


def test_a_session_ends_with_its_viewer():
    from napari_medkd.gui import state

    viewer = ViewerModel()
    session_of(viewer)
    before = len(state._SESSIONS)
    del viewer
    gc.collect()

    assert len(state._SESSIONS) < before


def test_a_change_is_announced_once():
    session, heard = Session(), []
    session.events.run.connect(heard.append)

    session.run = Path("a")
    session.run = Path("a")
    session.run = None

    assert heard == [Path("a"), None]
