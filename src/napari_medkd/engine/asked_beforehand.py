"""What a teacher that is asked beforehand cannot be asked: told before anything is trained."""

from collections.abc import Sequence

from napari_medkd.core.errors import SpecProblem, VolumeProblem
from napari_medkd.core.task import Task
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.whole_images import problems_beyond_memory

_WHERE = "method.settings.beforehand"


def refuse_what_is_not_kept(benches: Sequence[Bench]) -> None:
    """Raise where boxes are learned, or an image to train on is too large to be held: of either nothing is kept.

    Raises
    ------
    InputProblem
        SpecProblem for boxes, VolumeProblem with every image that is too large.
    """
    for bench in benches:
        if task := Task.of_kind(bench.tasks, "detection"):
            found = f"The teacher's boxes of {task.name!r} ({bench.dataset.name}) cannot be kept beforehand."
            raise SpecProblem(_WHERE, found, "Set it to false, or leave the task out.")
    why, otherwise = "the teacher's answers are kept beforehand of whole images", f"set {_WHERE} to false"
    problems = []
    for bench in benches:
        cases = bench.training_cases
        files = [bench.dataset.case(name).images[0] for name in cases.names]
        grids = [(file, cases.original_grid(position)) for position, file in enumerate(files)]
        problems += problems_beyond_memory(grids, bench.preprocessing, why, otherwise)
    if problems:
        raise VolumeProblem.of(problems)
