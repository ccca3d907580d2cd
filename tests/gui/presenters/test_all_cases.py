import sys
from pathlib import Path

import pytest

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.spec import PredictSpec
from napari_medkd.files.manifest import MANIFEST, open_dataset
from napari_medkd.files.results import predictions_in, record_of
from napari_medkd.gui.following import follow
from napari_medkd.gui.presenters.all_cases import AllCasesPresenter, spec_for_all
from napari_medkd.gui.state import AllCasesState, Session
from napari_medkd.runs.launch import Here
from tests.gui.answering_run import PREDICTOR, make_run
from tests.gui.presenting import at_once

pytestmark = pytest.mark.process

CASES = tuple(f"case_{number}" for number in range(6))


class HereAndWait:
    """Launches the scripted predictor when it is asked to, and is listened to in the test's own time."""

    def __init__(self) -> None:
        self.specs: list[PredictSpec] = []

    def predict(self, spec: PredictSpec) -> None:
        self.specs.append(spec)

    def hear_out(self, presenter: AllCasesPresenter, *, stop_after: int = 10**9) -> None:
        spec = self.specs[-1]
        for heard in follow(spec.out, lambda: Here(Path(sys.executable), (str(PREDICTOR),)).predict(spec)):
            if heard is not None:
                presenter.hear(heard)
            if heard is not None and heard.status.step >= stop_after:
                stop_after = 10**9
                presenter.stop()
        presenter.leave(spec.out)


@pytest.fixture
def session(scans: Path, tmp_path: Path) -> Session:
    run = make_run(tmp_path / "runs", scans)
    return Session(dataset=open_dataset(scans), dataset_path=scans, run=run)


@pytest.fixture
def launches() -> HereAndWait:
    return HereAndWait()


@pytest.fixture
def asking(session: Session, launches: HereAndWait) -> tuple[AllCasesPresenter, AllCasesState]:
    state = AllCasesState()
    return AllCasesPresenter(session, state, launches, at_once), state


def test_every_case_is_asked_about_though_hardly_any_is_on_the_split(
    session: Session, launches: HereAndWait, asking: tuple[AllCasesPresenter, AllCasesState], scans: Path
):
    presenter, state = asking
    said: list[str] = []
    state.events.busy.connect(said.append)

    presenter.predict()
    launches.hear_out(presenter)

    (spec,) = launches.specs
    assert (spec.cases, spec.data, spec.stage, spec.given) == (CASES, scans, "student", "image")
    assert spec.out == session.run / "predictions" / "student-all-scans"
    assert tuple(record_of(path).case for path in predictions_in(spec.out)) == CASES
    assert "6 of 6 cases are predicted …" in said
    assert (state.busy, state.message, state.num_done, state.num_cases) == ("", "", 6, 6)


def test_asked_again_they_are_counted_anew_and_land_in_the_same_folder(
    session: Session, launches: HereAndWait, asking: tuple[AllCasesPresenter, AllCasesState], scans: Path
):
    presenter, state = asking
    presenter.predict()
    launches.hear_out(presenter)
    counts: list[int] = []
    state.events.num_done.connect(counts.append)
    session.dataset_path = scans / MANIFEST

    presenter.predict()
    launches.hear_out(presenter)

    assert launches.specs[0].out == launches.specs[1].out
    assert counts[0] == 0
    assert counts[-1] == 6
    assert state.message == ""


def test_cancelling_keeps_what_is_predicted_and_is_no_failure(
    launches: HereAndWait, asking: tuple[AllCasesPresenter, AllCasesState], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MEDKD_SCRIPT", "wait after one")
    presenter, state = asking

    presenter.predict()
    launches.hear_out(presenter, stop_after=1)

    assert [path.name for path in predictions_in(launches.specs[0].out)] == ["case_0"]
    assert (state.busy, state.message, state.num_done) == ("", "", 1)


def test_stopping_before_the_process_has_begun_stops_it_all_the_same(
    launches: HereAndWait, asking: tuple[AllCasesPresenter, AllCasesState], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MEDKD_SCRIPT", "wait")
    presenter, state = asking
    presenter.predict()

    presenter.stop()
    launches.hear_out(presenter)

    assert predictions_in(launches.specs[0].out) == []
    assert (state.busy, state.message) == ("", "")


@pytest.mark.parametrize(("behaviour", "said"), [("fail", "The image is upside down."), ("die", "without a last word")])
def test_a_failure_is_told_with_its_log(
    launches: HereAndWait,
    asking: tuple[AllCasesPresenter, AllCasesState],
    monkeypatch: pytest.MonkeyPatch,
    behaviour: str,
    said: str,
):
    monkeypatch.setenv("MEDKD_SCRIPT", behaviour)
    presenter, state = asking

    presenter.predict()
    launches.hear_out(presenter)

    assert said in state.message
    assert state.log is not None
    assert state.busy == ""


def test_a_failure_after_a_success_in_the_same_folder_is_a_failure(
    launches: HereAndWait, asking: tuple[AllCasesPresenter, AllCasesState], monkeypatch: pytest.MonkeyPatch
):
    presenter, state = asking
    presenter.predict()
    launches.hear_out(presenter)
    monkeypatch.setenv("MEDKD_SCRIPT", "die")

    presenter.predict()
    launches.hear_out(presenter)

    assert state.message
    assert state.num_done == 0


def test_what_cannot_be_launched_is_told(launches: HereAndWait, asking: tuple[AllCasesPresenter, AllCasesState]):
    presenter, state = asking
    presenter.predict()

    presenter.fail(launches.specs[0].out, RunProblem("python", "It cannot be started.", "Choose another."))

    assert (state.message, state.hint, state.busy) == ("python: It cannot be started.", "Choose another.", "")


def test_it_says_what_is_missing(session: Session, tmp_path: Path, scans: Path, launches: HereAndWait):
    run, session.run, dataset, session.dataset = session.run, None, session.dataset, None
    state = AllCasesState()
    presenter = AllCasesPresenter(session, state, launches, at_once)
    advice = [state.advice]

    session.dataset = dataset
    advice.append(state.advice)
    session.run = make_run(tmp_path / "untrained", scans, networks=())
    advice.append(state.advice)
    presenter.predict()
    session.run = run
    advice.append(state.advice)

    assert [words[:10] for words in advice] == ["Open a dat", "Choose a r", "This run h", ""]
    assert launches.specs == []


def test_another_dataset_gets_a_folder_of_its_own(session: Session, tmp_path: Path, scans: Path):
    elsewhere = tmp_path / "elsewhere" / "scans"
    assert session.run is not None
    first = spec_for_all(session.run, scans, CASES, "student")
    first.out.mkdir(parents=True)
    (first.out / "spec.json").write_text(first.model_dump_json())

    assert spec_for_all(session.run, elsewhere, CASES, "student").out.name == "student-all-scans-2"
    assert spec_for_all(session.run, scans, CASES[:2], "student").out == first.out
