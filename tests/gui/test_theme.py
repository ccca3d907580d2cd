from colorsys import rgb_to_hls
from types import SimpleNamespace

import pytest

from napari_medkd.gui.colours import hex_of
from napari_medkd.gui.theme import colours_of


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_line_of_a_plot_stands_out_from_the_background(theme):
    colours = colours_of(SimpleNamespace(theme=theme))

    assert min(contrast(line, colours.background) for line in colours.lines) >= 3
    assert len(set(colours.lines)) == len(colours.lines)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_words_are_legible_on_the_dock(theme):
    colours = colours_of(SimpleNamespace(theme=theme))

    for words in (colours.text, colours.live, colours.good, colours.bad, colours.caution):
        assert contrast(words, colours.background) >= 4.5
        assert contrast(words, colours.primary) >= 3  # the list's ground
    assert contrast(colours.faint_text, colours.background) >= 4


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_class_has_the_hue_of_its_layer(theme):
    def hue(colour):
        return rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))[0]

    lines = colours_of(SimpleNamespace(theme=theme)).lines

    for label in range(1, 8):
        apart = abs(hue(lines[label - 1]) - hue(hex_of(label)))
        assert min(apart, 1 - apart) < 0.1


def test_the_themes_are_told_apart():
    assert colours_of(SimpleNamespace(theme="dark")).is_dark
    assert not colours_of(SimpleNamespace(theme="light")).is_dark
