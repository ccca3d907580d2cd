"""The spec of one-shot's published recipe fits the form and the method, and its page says that it was not run."""

from pathlib import Path

import pytest

from napari_medkd.core.spec import TrainSpec

ROOT = Path(__file__).parents[2]
PATH = ROOT / "examples" / "specs" / "one-shot" / "oasis.json"


@pytest.mark.engine
def test_the_published_recipe_is_ready_to_be_run():
    from napari_medkd.engine.method import settings_of
    from napari_medkd.methods import method_named

    spec = TrainSpec.model_validate_json(PATH.read_text(encoding="utf-8"))
    method = method_named(spec.method.name)
    settings = settings_of(method, spec.method)

    assert (spec.network.widths, len(spec.references)) == ((16, 32, 64, 128, 256), 1)
    assert (settings.hint, settings.reconstruction, settings.cross_entropy, settings.dice) == (1, 1, 1, 0)
    assert (settings.smoothness, settings.contrast, settings.self_training, settings.refinement) == (1, 0.01, 0, 0)
    assert [stage.name for stage in method.plan(settings, spec.schedule, ("oasis-35",))] == ["registration", "student"]


def test_the_page_names_it_and_says_that_it_was_not_run():
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    told = page[page.index(PATH.relative_to(ROOT).as_posix()) :].split("\n\n")[0]

    assert "**not run here**" in told
