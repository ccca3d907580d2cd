import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.core.dataset import Split
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.events import RunEnded
from napari_medkd.core.spec import MethodChoice, TrainSpec
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui import command
from napari_medkd.gui.command import CommandFailed
from napari_medkd.gui.finished_run import FinishedRun
from napari_medkd.gui.presenters import train
from napari_medkd.gui.presenters.data import DataPresenter
from napari_medkd.gui.presenters.train import TrainPresenter
from napari_medkd.gui.state import DataState, Session, TrainState
from napari_medkd.runs.folder import RunFolder
from tests.gui.presenting import ESTIMATE, Later, ListeningRunner, at_once, demo_card, endless_python, in_a_thread
from tests.waiting import wait_until


@pytest.fixture
def session(tiny_dataset, tmp_path):
    return Session(dataset=open_dataset(tiny_dataset), dataset_path=tiny_dataset, runs_folder=tmp_path / "runs")


@pytest.fixture
def state():
    return TrainState(cards=(demo_card(),))


@pytest.fixture
def runner():
    return ListeningRunner()


@pytest.fixture
def presenter(session, state, runner):
    presenter = TrainPresenter(session, state, runner, at_once)
    presenter.choices.choose_method("demo")
    return presenter


def answering(monkeypatch, answer):
    """Let the command line give this answer, and return the questions it was asked."""
    asked = []

    def ask(interpreter, arguments, owner):
        command, path, *options = arguments
        asked.append((" ".join([command, *options]), json.loads(Path(path).read_text(encoding="utf-8"))))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(train, "ask", ask)
    return asked


def test_the_methods_are_listed_and_one_with_a_teacher_is_taken_first(session, state, runner, monkeypatch):
    cards = (demo_card("plain", "nothing"), demo_card("taught"))
    monkeypatch.setattr(train, "cards_of", lambda interpreter, **_: cards)
    state.cards = ()

    presenter = TrainPresenter(session, state, runner, at_once)
    presenter.load_cards()

    assert state.cards == cards
    assert (state.method, state.preset, state.busy) == ("taught", "recommended", "")


def test_a_python_without_torch_is_reported_with_the_line_to_type(session, state, runner, monkeypatch):
    missing = InputProblem("torch", "Training needs torch.", "python -m pip install torch")

    def cards_of(interpreter, ask_again, owner):
        raise missing

    monkeypatch.setattr(train, "cards_of", cards_of)

    presenter = TrainPresenter(session, state, runner, at_once)
    presenter.load_cards()

    assert state.missing == missing.problems
    assert presenter.choices.hindrance() == "Training is not installed in this Python."


def test_an_answer_for_another_interpreter_is_dropped(session, state, runner, monkeypatch):
    monkeypatch.setattr(train, "cards_of", lambda interpreter, **_: ())
    later = Later()
    presenter = TrainPresenter(session, state, runner, later)

    presenter.load_cards()
    session.interpreter = Path("another-python")
    later.do()

    assert len(state.cards) == 1


def test_an_estimate_is_measured_with_the_spec_of_the_form(presenter, state, monkeypatch):
    asked = answering(monkeypatch, ESTIMATE.model_dump(mode="json"))
    presenter.choices.set_value("schedule.epochs", 2)

    presenter.estimate()

    assert state.estimate == ESTIMATE
    command, document = asked[0]
    assert command == "estimate"
    assert document == presenter.choices.spec().model_dump(mode="json")


def test_an_estimate_of_an_earlier_spec_is_dropped(session, state, runner, monkeypatch):
    answering(monkeypatch, ESTIMATE.model_dump(mode="json"))
    later = Later()
    presenter = TrainPresenter(session, state, runner, later)
    presenter.choices.choose_method("demo")

    presenter.estimate()
    presenter.choices.set_value("schedule.batch_size", 8)
    later.do()

    assert state.estimate is None
    assert state.busy == ""


def test_a_start_makes_a_run_folder_and_starts_it(presenter, session, state, runner, monkeypatch):
    asked = answering(monkeypatch, [])

    presenter.start()

    ((run, resume),) = runner.started
    assert not resume
    assert session.run == state.started == run
    assert RunFolder(run).spec() == presenter.choices.spec()
    assert asked[0][0] == "check --files-only", "the run itself looks at every voxel, with all the time it needs"


def test_a_change_while_the_run_is_checked_leaves_no_folder_and_says_that_nothing_was_started(
    session, state, runner, monkeypatch
):
    answering(monkeypatch, [])
    later = Later()
    presenter = TrainPresenter(session, state, runner, later)
    presenter.choices.choose_method("demo")

    presenter.start()
    presenter.choices.set_value("seed", 5)
    later.do()

    assert runner.started == []
    assert not session.runs_folder.exists()
    assert state.busy == ""
    assert "changed" in state.problems[0].problem

    presenter.start()
    later.do()

    assert [RunFolder(run).spec().seed for run, _ in runner.started] == [5]
    assert state.problems == ()


def test_a_run_folder_that_cannot_be_made_is_a_problem(presenter, session, state, runner, monkeypatch):
    answering(monkeypatch, [])
    session.runs_folder.write_text("a file where the folder shall be")

    presenter.start()

    assert runner.started == []
    assert str(session.runs_folder) in state.problems[0].where


def test_a_run_with_problems_is_not_started(presenter, session, state, runner, monkeypatch):
    found = Problem("network.widths", "Too deep for these images.", "Take fewer levels.")
    answering(monkeypatch, [{"where": found.where, "problem": found.problem, "hint": found.hint}])

    presenter.start()

    assert state.problems == (found,)
    assert runner.started == []
    assert not session.runs_folder.exists()


def test_a_command_that_breaks_is_shown_as_a_problem(presenter, state, monkeypatch):
    answering(monkeypatch, CommandFailed("estimate was cancelled."))

    presenter.estimate()

    assert [found.problem for found in state.problems] == ["estimate was cancelled."]
    assert state.busy == ""


@pytest.mark.process
@pytest.mark.parametrize("question", ["estimate", "start"])
def test_a_question_is_cancelled_while_a_look_at_every_voxel_goes_on(session, state, runner, tmp_path, question):
    session.interpreter = endless_python(tmp_path)
    presenter = TrainPresenter(session, state, runner, in_a_thread)
    presenter.choices.choose_method("demo")
    data = DataPresenter(session, DataState(), in_a_thread)
    data.check_images()
    getattr(presenter, question)()
    wait_until(lambda: len(command._ASKED) == 2)

    presenter.cancel()
    wait_until(lambda: not state.busy)
    still_asked = len(command._ASKED)
    data.cancel_check()

    assert "was cancelled" in state.problems[0].problem
    assert still_asked == 1


def test_a_value_that_is_not_allowed_is_never_sent(presenter, state, monkeypatch):
    asked = answering(monkeypatch, [])
    presenter.choices.set_value("network.widths", "sixteen")

    presenter.start()

    assert asked == []
    assert state.problems[0].where == "network.widths"


def test_a_saved_spec_is_the_same_run_for_the_command_line(presenter, session, tmp_path):
    presenter.choices.set_value("seed", 5)

    presenter.save(tmp_path / "spec.json")

    saved = TrainSpec.model_validate_json((tmp_path / "spec.json").read_text(encoding="utf-8"))
    assert saved == presenter.choices.spec()
    assert presenter.command(tmp_path / "spec.json").startswith("medkd train ")
    assert str(session.runs_folder) in presenter.command(tmp_path / "spec.json")


def test_a_spec_that_cannot_be_saved_says_why(presenter, state, tmp_path):
    presenter.save(tmp_path / "nowhere" / "spec.json")

    assert state.problems


def test_the_effective_run_shows_every_setting_of_the_method(presenter):
    presenter.choices.choose_preset("heavy")
    presenter.choices.set_value("method.settings.rounds", 9)

    shown = json.loads(presenter.effective())

    assert shown["method"]["settings"] == {
        "weight": 9.0,
        "rounds": 9,
        "balanced": False,
        "sees": "image",
        "limit": None,
    }


def test_another_dataset_forgets_the_task(presenter, state, session):
    presenter.choices.choose_task("shapes")
    tasks = {"organs": replace(session.dataset.tasks["shapes"], name="organs")}
    session.dataset = replace(session.dataset, name="other", tasks=tasks, cases=(), split=Split())

    presenter.take_dataset()

    assert state.task == ""


def test_a_dataset_that_is_read_again_keeps_the_task_and_makes_an_estimate_void(presenter, state, session):
    second = replace(session.dataset.tasks["shapes"], name="second")
    session.dataset = replace(session.dataset, tasks=session.dataset.tasks | {"second": second})
    presenter.choices.choose_task("second")
    state.estimate = ESTIMATE
    session.dataset = replace(session.dataset, split=Split())  # as after a mask was saved

    presenter.take_dataset()

    assert (state.task, state.estimate) == ("second", None)


def test_the_default_interpreter_is_the_one_that_runs():
    assert Session().interpreter == Path(sys.executable)


def test_finished_runs_are_listed_to_start_from(presenter, session, state, tmp_path):
    spec = TrainSpec(datasets=(tmp_path,), method=MethodChoice(name="demo"))
    finished, unfinished = (RunFolder.create(session.runs_folder, spec.replace(name=name)) for name in ("one", "two"))
    finished.append(RunEnded(outcome="completed"))
    unfinished.append(RunEnded(outcome="cancelled"))

    presenter.list_runs()

    assert state.finished == (FinishedRun(finished.path, "demo", (tmp_path.resolve(),)),)


def test_a_run_from_references_is_set_up_and_measured(session, runner, monkeypatch):
    state = TrainState(cards=(demo_card(), demo_card("few", needs="references")))
    presenter = TrainPresenter(session, state, runner, at_once)
    asked = answering(monkeypatch, ESTIMATE.model_dump(mode="json"))
    session.references = ("case_1",)

    presenter.begin_from_references()

    ((question, spec),) = asked
    assert question == "estimate"
    assert (spec["method"]["name"], spec["references"]) == ("few", ["case_1"])
    assert state.estimate == ESTIMATE


def test_a_run_from_references_is_set_up_when_the_methods_are_known(session, runner, monkeypatch):
    cards = (demo_card(), demo_card("few", needs="references"))
    monkeypatch.setattr(train, "cards_of", lambda interpreter, **_: cards)
    later, state = Later(), TrainState()
    presenter = TrainPresenter(session, state, runner, later)
    asked = answering(monkeypatch, ESTIMATE.model_dump(mode="json"))
    session.references = ("case_1",)

    presenter.load_cards()
    presenter.begin_from_references()
    assert state.method == ""
    later.do()
    later.do()

    assert state.method == "few"
    assert [question for question, _ in asked] == ["estimate"]
    presenter.load_cards(ask_again=True)
    later.do()
    assert later.waiting == []


def from_references(session, runner, in_background):
    """Return a presenter that knows a method which learns from references, of which one is marked, and its state."""
    state = TrainState(cards=(demo_card(), demo_card("few", needs="references")))
    session.references = ("case_1",)
    return TrainPresenter(session, state, runner, in_background), state


def test_the_answer_to_a_question_that_was_asked_again_is_not_heard(session, runner, monkeypatch):
    later = Later()
    presenter, state = from_references(session, runner, later)
    answering(monkeypatch, ESTIMATE.model_dump(mode="json"))

    presenter.begin_from_references()
    presenter.begin_from_references()
    later.do()
    after_the_first = (state.busy, state.problems, state.estimate)
    later.do()

    assert after_the_first == ("Measuring a few steps …", (), None)
    assert (state.busy, state.problems, state.estimate) == ("", (), ESTIMATE)


@pytest.mark.process
def test_a_question_that_is_asked_again_ends_the_earlier_one(session, runner, tmp_path):
    session.interpreter = endless_python(tmp_path)
    presenter, state = from_references(session, runner, in_a_thread)
    presenter.begin_from_references()
    wait_until(lambda: command._ASKED)
    [earlier] = command._ASKED

    presenter.begin_from_references()

    wait_until(lambda: earlier.poll() is not None and earlier not in command._ASKED and command._ASKED)
    assert state.busy
    presenter.cancel()
    wait_until(lambda: not state.busy)


def test_other_references_make_an_estimate_void(session, runner, monkeypatch):
    presenter, state = from_references(session, runner, at_once)
    answering(monkeypatch, ESTIMATE.model_dump(mode="json"))
    presenter.begin_from_references()

    session.references = ("case_1", "case_2")

    assert state.estimate is None


def test_references_change_nothing_for_a_method_that_learns_from_all_labels(presenter, session, state, monkeypatch):
    answering(monkeypatch, ESTIMATE.model_dump(mode="json"))
    presenter.estimate()

    session.references = ("case_1",)

    assert state.estimate == ESTIMATE
