"""Looks at one case at the end of an epoch, to be shown while training: what the product says, and what else shows."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from napari_medkd.core.events import AnyEvent, PreviewSaved
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.preview import PreviewPicture
from napari_medkd.core.run_layout import PREVIEWS, epoch_name
from napari_medkd.engine.answers import Answer, Sight, answers
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.method import Stage
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.files.plain_name import plain_name
from napari_medkd.files.previews import write_pictures
from napari_medkd.files.results import write_prediction

#: Previews may take this share of the time at most, but for the first and the last of a stage.
LARGEST_SHARE = 0.02


class Previews:
    """Writes previews of the bench's preview case, for stages that draw from the image alone or show it otherwise."""

    def __init__(self, bench: Bench, run: Path) -> None:
        self._bench = bench
        self._run = run
        self._cost_seconds = 0.0
        self._last = -float("inf")

    def after_epoch(self, stage: Stage, epoch: int, *, is_last: bool = False) -> Iterator[AnyEvent]:
        """Write previews and say so, unless they would slow training down; the last ones of a stage always."""
        too_soon = time.monotonic() - self._last < self._cost_seconds / LARGEST_SHARE
        if (too_soon and not is_last) or not len(self._bench.preview_case) or not (_answers(stage) or stage.shows):
            return
        start = time.monotonic()
        case = self._bench.preview_case[0].held()
        folders = self._write(stage, epoch, case)
        self._last = time.monotonic()
        self._cost_seconds = self._last - start
        for folder in folders:
            path = folder.relative_to(self._run).as_posix()
            yield PreviewSaved(case=case.id, stage=stage.name, epoch=epoch, path=path)

    def _write(self, stage: Stage, epoch: int, case: PreparedCase) -> list[Path]:
        """Write a prediction for each task, with what else the stage shows, and return the folders."""
        was_training = stage.objective.training
        stage.objective.eval()
        pictures = tuple(stage.shows(case)) if stage.shows else ()
        found = self._answered(stage, case, pictures)
        stage.objective.train(was_training)
        above = self._run / PREVIEWS / stage.name
        folders = []
        for answer in found:
            prediction = Prediction(
                case=case.id,
                task=answer.task,
                grid=case.original,
                made_by=self._run.name,
                checkpoint=f"{stage.name}.{epoch_name(epoch)}",
                mask=answer.mask,
                scores=answer.scores,
                boxes=answer.boxes,
                attention=answer.attention,
            )
            below = above / plain_name(answer.task.name) if len(found) > 1 else above
            folders.append(write_prediction(prediction, below))
            write_pictures(pictures, folders[-1])
        return folders

    def _answered(self, stage: Stage, case: PreparedCase, pictures: Sequence[PreviewPicture]) -> list[Answer]:
        """Return what the product says of a case, else the labels of the first picture that has any."""
        bench = self._bench
        if not _answers(stage):
            return [Answer(bench.task, next((picture.mask for picture in pictures if picture.mask), None))]
        image = torch.from_numpy(case.image_CZYX).to(bench.machine.device)
        sight = Sight(image, case.grid, case.original, bench.preprocessing)
        said = answers(stage.product, bench.tasks, sight, bench.machine)
        return [answer for answer in said if isinstance(answer, Answer)]


def _answers(stage: Stage) -> bool:
    """Return whether the stage's product says something of an image alone."""
    return not isinstance(stage.product, RegistrationNetwork) and stage.sees == "image"
