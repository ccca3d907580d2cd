import math

import pytest

from napari_medkd.cli.evaluation_answers import MaskAnswer, Origin
from napari_medkd.cli.mask_tables import score_rows, tables
from napari_medkd.core.measures import ClassMeasures

FIGURES = ("n", "dice", "volume", "truth_volume")


def answer(case: str, name: str, dice: float, volume: float, truth: float) -> MaskAnswer:
    distance = math.nan if math.isnan(dice) else 1.0
    measures = ClassMeasures(name, dice, distance, distance, volume, truth, "mm", "ml")
    return MaskAnswer(Origin("p", "student", "organs", case, "A"), measures)


@pytest.fixture
def answers() -> list[MaskAnswer]:
    """Three cases: the second has no liver, neither predicted nor true; the third shows nothing."""
    return [
        answer("a", "liver", 0.5, 4.0, 6.0),
        answer("a", "spleen", 1.0, 2.0, 2.0),
        answer("b", "liver", math.nan, 0.0, 0.0),
        answer("b", "spleen", 0.0, 1.0, 0.0),
        answer("c", "liver", math.nan, 0.0, 0.0),
        answer("c", "spleen", math.nan, 0.0, 0.0),
    ]


def test_the_mean_volume_of_a_class_is_over_the_cases_that_its_dice_is_over(answers):
    rows = {row["class"]: tuple(row[name] for name in FIGURES) for row in tables(answers)["classes"]}

    assert rows["liver"] == (1, 0.5, 4.0, 6.0)
    assert rows["spleen"] == (2, 0.5, 1.5, 1.0)


def test_mean_volumes_over_all_classes_are_over_the_cases_that_their_dice_is_over(answers):
    (domain,) = tables(answers)["domains"]
    everything = tables(answers)["classes"][-1]

    assert tuple(everything[name] for name in FIGURES) == (2, 0.375, 2.0, 2.0)
    assert tuple(domain[name] for name in FIGURES) == (2, 0.375, 2.0, 2.0)


def test_a_case_that_shows_nothing_has_no_mean_volume_but_volumes_of_its_classes(answers):
    (case,) = [row for row in tables(answers)["cases"] if row["case"] == "c"]

    assert (case["n"], math.isnan(case["volume"]), math.isnan(case["truth_volume"])) == (0, True, True)
    assert [row["volume"] for row in score_rows(answers) if row["case"] == "c"] == [0.0, 0.0]
