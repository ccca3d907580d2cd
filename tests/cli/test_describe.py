import json

import pytest

from napari_medkd.core.card import MethodCard
from napari_medkd.methods import all_methods
from tests.cli.conftest import Medkd

pytestmark = pytest.mark.engine


def test_every_method_has_a_line(medkd: Medkd):
    told = medkd("describe").out

    assert [line.split()[0] for line in told.splitlines()] == list(all_methods())


def test_a_method_is_told_with_its_presets_and_every_setting(medkd: Medkd):
    told = medkd("describe", "shape-intensity").out

    assert "faithful: " in told
    assert "features = 2.0  (at least 0, at most 100)" in told
    assert "one of: class means, label map, image" in told


def test_a_setting_is_told_with_its_title_and_as_set_takes_it(medkd):
    told = medkd("describe", "one-shot").out

    assert "Registration's share. Its epochs as a share of the student's." in told
    assert "log_dice = true\n" in told


def test_the_cards_are_there_for_machines(medkd: Medkd):
    cards = json.loads(medkd("describe", "--json").out)
    card = json.loads(medkd("describe", "supervised", "--json").out)

    assert [MethodCard.model_validate(card).name for card in cards] == list(all_methods())
    assert card in cards


def test_an_unknown_method_is_answered_with_the_nearest(medkd: Medkd):
    answer = medkd("describe", "supervized")

    assert answer.code == 2
    assert "Did you mean 'supervised'?" in answer.err
