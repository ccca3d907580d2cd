import sys
import threading
from pathlib import Path

import pytest

from napari_medkd.core.errors import InputProblem
from napari_medkd.gui import command
from napari_medkd.gui.command import CommandFailed, argv, ask, end_questions, problems_in
from tests.waiting import wait_until

PYTHON = Path(sys.executable)


def test_a_python_that_is_not_there_is_a_problem_of_the_preferences():
    with pytest.raises(InputProblem, match="preferences"):
        ask(Path("/no/such/python"), ["describe"])


def test_the_command_runs_in_the_configured_interpreter():
    assert argv(Path("py"), ["check", "a spec.json"]) == ["py", "-m", "napari_medkd", "check", "a spec.json"]


def test_what_a_command_told_on_stderr_is_taken_apart():
    said = ["datasets[0]:", "  The folder is empty.", "  -> Choose another.", "seed:", "  Too large.", "  -> Take 0."]

    assert [(p.where, p.problem, p.hint) for p in problems_in(said)] == [
        ("datasets[0]", "The folder is empty.", "Choose another."),
        ("seed", "Too large.", "Take 0."),
    ]


def test_other_words_are_one_problem():
    (found,) = problems_in(["Usage: medkd", "No such option: --jsonx"])

    assert "No such option" in found.problem


@pytest.mark.process
def test_problems_of_a_dataset_are_an_answer_not_a_failure(tmp_path):
    answer = ask(PYTHON, ["check", str(tmp_path)])

    assert answer
    assert set(answer[0]) == {"where", "problem", "hint"}


@pytest.mark.process
def test_names_with_accents_are_read_as_they_are_whatever_the_systems_encoding_is(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")

    (found,) = ask(PYTHON, ["check", str(tmp_path / "Zähne")])

    assert "Zähne" in found["where"]


@pytest.mark.process
def test_a_module_in_the_folder_the_viewer_was_started_in_does_not_stand_in_for_the_commands(tmp_path, monkeypatch):
    (tmp_path / "typer.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)

    assert ask(PYTHON, ["check", str(tmp_path / "nowhere")])


@pytest.mark.process
def test_a_command_that_refuses_its_input_raises_its_problems(tmp_path):
    with pytest.raises(InputProblem) as found:
        ask(PYTHON, ["estimate", str(tmp_path / "none.json")])

    assert "none.json" in str(found.value)


@pytest.mark.process
def test_an_interpreter_without_the_package_fails_with_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "napari_medkd").mkdir()
    (tmp_path / "napari_medkd" / "__init__.py").touch()

    with pytest.raises(CommandFailed, match="napari_medkd") as found:
        ask(PYTHON, ["describe"])

    assert "describe --json" in found.value.log


class Questions:
    """Questions that nobody answers, each asked in a thread of its own; which were ended stands in ``ended``."""

    def __init__(self, *questions, owners=None):
        self.ended = []
        self.owners = owners or {}
        self.threads = {words: threading.Thread(target=self._ask, args=(words,)) for words in questions}
        for thread in self.threads.values():
            thread.start()
        wait_until(lambda: len(command._ASKED) == len(questions))

    def _ask(self, words):
        with pytest.raises(CommandFailed, match="was cancelled"):
            ask(PYTHON, words, patience_seconds=None, owner=self.owners.get(words))
        self.ended.append(words)


@pytest.fixture
def silence(tmp_path, monkeypatch):
    """Every question starts a process that never answers."""
    package = tmp_path / "napari_medkd"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.process
@pytest.mark.usefixtures("silence")
def test_only_the_questions_with_these_words_are_ended():
    questions = Questions(("check", "a"), ("check", "b"))

    end_questions("check", "a")
    questions.threads["check", "a"].join(20)

    assert questions.ended == [("check", "a")]
    assert len(command._ASKED) == 1
    end_questions()
    questions.threads["check", "b"].join(20)
    assert questions.ended == [("check", "a"), ("check", "b")]
    assert not command._ASKED


@pytest.mark.process
@pytest.mark.usefixtures("silence")
def test_the_questions_of_another_owner_go_on():
    mine, theirs = object(), object()
    questions = Questions(("check", "a"), ("check", "b"), owners={("check", "a"): mine, ("check", "b"): theirs})

    end_questions(owner=mine)
    questions.threads["check", "a"].join(20)
    ended_first = list(questions.ended)
    end_questions()
    questions.threads["check", "b"].join(20)

    assert ended_first == [("check", "a")]
    assert questions.ended == [("check", "a"), ("check", "b")]


@pytest.mark.process
@pytest.mark.usefixtures("silence")
def test_a_question_is_not_waited_for_for_ever():
    with pytest.raises(CommandFailed, match="no answer within 1 s"):
        ask(PYTHON, ["estimate"], patience_seconds=1.0)
