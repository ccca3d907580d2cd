"""What an estimate says before a run is started."""

from napari_medkd.core.events import StagePlan
from napari_medkd.gui.presenters.train import estimate_in_words
from tests.gui.presenting import ESTIMATE


def test_an_estimate_is_said_in_two_lines():
    time, needs = estimate_in_words(ESTIMATE).splitlines()

    assert time == "About 6 min (teacher 2 min, student 4 min)"
    assert needs == "1.5 GiB of memory · cpu, fp32 · 1,401,350 parameters in the student"


def test_the_time_of_a_stage_is_told_by_its_dataset():
    plan = tuple(StagePlan(f"student-{name}", 1, 60) for name in ("cells", "spots"))
    found = ESTIMATE.replace(plan=plan, seconds=120.0, seconds_per_step={stage.name: 1.0 for stage in plan})

    assert estimate_in_words(found).splitlines()[0] == "About 2 min (student · cells 1 min, student · spots 1 min)"
