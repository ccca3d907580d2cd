import pytest

from napari_medkd.gui.text_bars import text_bar


@pytest.mark.parametrize(
    ("score", "bar"),
    [
        (0.0, "────────────"),
        (0.25, "━━━─────────"),
        (1.0, "━━━━━━━━━━━━"),
        (1.2, "━━━━━━━━━━━━"),
        (-1.0, "────────────"),
    ],
)
def test_a_bar_is_filled_as_far_as_the_score(score, bar):
    assert text_bar(score) == bar


@pytest.mark.parametrize(
    ("score", "threshold", "bar"),
    [
        (0.9, 0.5, "━━━━━━┃━━━━━─"),
        (0.1, 0.5, "━─────┃──────"),
        (0.3, 0.0, "┃━━━━────────"),
        (1.0, 1.0, "━━━━━━━━━━━━┃"),
    ],
)
def test_a_stroke_stands_at_the_threshold(score, threshold, bar):
    assert text_bar(score, threshold) == bar


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.46, 0.5, 0.97])
def test_a_bar_goes_past_the_stroke_only_where_the_threshold_is_reached(threshold):
    for score in (threshold - 0.004, threshold, threshold + 0.004):
        before, after = text_bar(score, threshold).split("┃")
        assert ("━" in after) <= (score >= threshold)
        assert ("─" not in before) >= (score >= threshold)
