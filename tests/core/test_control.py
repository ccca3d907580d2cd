import pytest

from napari_medkd.core.control import Always, Control


def test_a_script_goes_on_until_its_end():
    assert Always().wish() == "go"


@pytest.mark.parametrize("answer", ["go", "pause", "stop"])
def test_one_answer_is_always_given(answer):
    control: Control = Always(answer)

    assert [control.wish() for _ in range(3)] == [answer] * 3
