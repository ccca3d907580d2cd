from pathlib import Path

import pytest

from napari_medkd.core.errors import InputProblem
from napari_medkd.gui import cards
from napari_medkd.gui.cards import cards_of, remembered_cards
from napari_medkd.gui.command import CommandFailed
from tests.gui.presenting import demo_card

PYTHON = Path("some-python")


class CommandLine:
    """Answers questions as the command line would."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, interpreter, arguments, owner=None):
        self.asked.append(arguments[0])
        answer = self.answers[arguments[0]]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def line(monkeypatch):
    line = CommandLine(describe=[demo_card().model_dump(mode="json")])
    monkeypatch.setattr(cards, "ask", line)
    return line


def test_the_methods_are_asked_for_once_and_remembered(line, tmp_path):
    first = cards_of(PYTHON, folder=tmp_path)
    second = cards_of(PYTHON, folder=tmp_path)

    assert first == second == (demo_card(),)
    assert line.asked == ["describe"]


def test_another_interpreter_is_asked_itself(line, tmp_path):
    cards_of(PYTHON, folder=tmp_path)
    cards_of(Path("another-python"), folder=tmp_path)

    assert line.asked == ["describe", "describe"]


def test_another_version_is_asked_again(line, tmp_path, monkeypatch):
    cards_of(PYTHON, folder=tmp_path)
    monkeypatch.setattr(cards, "__version__", "99.0")
    cards_of(PYTHON, folder=tmp_path)

    assert line.asked == ["describe", "describe"]


def test_a_person_can_have_it_asked_again(line, tmp_path):
    cards_of(PYTHON, folder=tmp_path)
    cards_of(PYTHON, folder=tmp_path, ask_again=True)

    assert line.asked == ["describe", "describe"]


def test_a_damaged_memory_is_no_memory(line, tmp_path):
    cards_of(PYTHON, folder=tmp_path)
    next(tmp_path.glob("*.json")).write_text("{")

    assert remembered_cards(PYTHON, folder=tmp_path) == ()
    assert cards_of(PYTHON, folder=tmp_path) == (demo_card(),)


def test_what_is_remembered_can_be_had_without_asking(line, tmp_path):
    assert remembered_cards(PYTHON, folder=tmp_path) == ()
    cards_of(PYTHON, folder=tmp_path)

    assert remembered_cards(PYTHON, folder=tmp_path) == (demo_card(),)
    assert line.asked == ["describe"]


def test_where_torch_is_missing_the_doctor_says_what_to_type(line, tmp_path):
    line.answers["describe"] = InputProblem("environment", "torch is not installed.", "pip install torch")
    advice = {
        "where": "torch",
        "problem": "Training needs torch.",
        "hint": "python -m pip install torch --index-url ...",
    }
    line.answers["doctor"] = {"advice": [advice, {"where": "OpenGL", "problem": "-", "hint": "-"}]}

    with pytest.raises(InputProblem) as found:
        cards_of(PYTHON, folder=tmp_path)

    assert [problem.hint for problem in found.value.problems] == [advice["hint"]]


def test_where_the_package_is_missing_too_the_line_names_that_python(line, tmp_path):
    line.answers["describe"] = line.answers["doctor"] = CommandFailed("No module named napari_medkd")

    with pytest.raises(InputProblem, match='some-python -m pip install "napari-medkd'):
        cards_of(PYTHON, folder=tmp_path)


def test_any_other_failure_is_told_in_its_own_words(line, tmp_path):
    line.answers["describe"] = CommandFailed("ImportError: libcudart is broken")
    line.answers["doctor"] = {"advice": []}

    with pytest.raises(InputProblem, match="libcudart"):
        cards_of(PYTHON, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
