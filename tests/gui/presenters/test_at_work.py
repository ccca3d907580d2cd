from pathlib import Path

from napari_medkd.gui.presenters.at_work import at_work

RUNS = [Path("runs") / name for name in ("one", "two")]
PREDICTIONS = [RUNS[0] / "predictions" / name for name in ("student-all", "teacher-all")]


def test_of_several_predictions_all_places_are_told():
    words = at_work(PREDICTIONS, {})

    assert words.title == "2 predictions are at work."
    assert (words.keep, words.stop) == ("Let them finish", "Stop them")
    assert [str(folder) in words.details for folder in PREDICTIONS] == [True, True]


def test_of_runs_alone_nothing_is_said_of_answers():
    words = at_work(RUNS, {})

    assert words.title == "2 runs are at work."
    assert (words.keep, words.stop) == ("Keep training", "Stop training")
    assert "nswers" not in words.details
