"""A network for several datasets learns the labels of all of them; each sample teaches the heads of its own dataset."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.judge import judge
from napari_medkd.engine.networks.pupils import ForPupils
from napari_medkd.engine.objective import LossParts, Objective
from napari_medkd.engine.task_losses import TaskLosses


class TeachingSeveral(Objective):
    """The terms of every dataset's tasks, each in proportion to its samples in the batch.

    Parameters
    ----------
    network
        Trains, but for what is frozen in it.
    losses
        The terms of each dataset, in the order of the network's pupils.
    """

    def __init__(self, network: ForPupils, losses: Sequence[TaskLosses]) -> None:
        super().__init__()
        self.network = network
        self.losses = nn.ModuleList(losses)

    def forward(self, batch: Batch) -> LossParts:
        """Return the terms, those of one name summed over the datasets."""
        sizes = [len(part.image_BCZYX) for part in batch.parts]
        terms = dict[str, Tensor]()
        for part, size in zip(batch.parts, sizes, strict=True):
            output = self.network(part.image_BCZYX, part.pupil)
            for name, term in self.losses[part.pupil](output, part).items():
                share = size / sum(sizes) * term
                terms[name] = terms[name] + share if name in terms else share
        return terms


def judge_several(network: ForPupils, benches: Sequence[Bench]) -> Callable[[], dict[str, float]] | None:
    """Return what tells a network's scores on the judged cases of all datasets; None where there are none.

    Where there are several, names begin with the dataset's; ``score`` is the mean over datasets that have one.
    """
    judged = [(pupil, bench) for pupil, bench in enumerate(benches) if len(bench.judged_cases)]
    if not judged:
        return None

    def scores() -> dict[str, float]:
        named, means = dict[str, float](), list[float]()
        for pupil, bench in judged:
            found = judge(network.for_pupil(pupil), bench.judged_cases, bench.machine)
            if "score" in found:
                means.append(found.pop("score"))
            before = f"{bench.dataset.name}: " if len(benches) > 1 else ""
            named |= {f"{before}{name}": value for name, value in found.items()}
        return {**named, "score": sum(means) / len(means)} if means else named

    return scores
