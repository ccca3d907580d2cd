"""Batches from several datasets at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.data.batches import Batches

#: A dataset is drawn from in proportion to its number of cases to this power: small ones more often than their share.
POWER = 0.5


def mixed(drawing: Sequence[Batches], size: int, steps: int) -> Callable[[torch.Generator], Iterator[Batch]]:
    """Return a function from a seeded generator to one epoch's batches, each a mixture of datasets.

    Parameters
    ----------
    drawing
        Of each dataset, in the order in which they are the pupils of a network.
    size
        Samples of a batch, each from a dataset of its own choice.
    steps
        Batches of an epoch.
    """
    chances = torch.tensor([float(len(each.cases)) for each in drawing]) ** POWER

    def epoch(generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(steps):
            chosen = torch.multinomial(chances, size, replacement=True, generator=generator)
            counts = torch.bincount(chosen, minlength=len(drawing)).tolist()
            first, *others = (
                replace(each.draw(count, generator), pupil=pupil)
                for pupil, (each, count) in enumerate(zip(drawing, counts, strict=True))
                if count
            )
            yield replace(first, others=tuple(others))

    return epoch
