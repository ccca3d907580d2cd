"""Looks at one case at the end of an epoch, to be shown while training: its mask, and what else the stage can show."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from napari_medkd.core.annotation import Mask
from napari_medkd.core.events import AnyEvent, PreviewSaved
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.preview import PreviewPicture
from napari_medkd.core.run_layout import PREVIEWS, epoch_name
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.data.preprocess import restore_mask
from napari_medkd.engine.judge import exhaust
from napari_medkd.engine.method import Stage
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.sliding_window import sliding_window
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
        """Write a preview and say so, unless previews would slow training down; the last one of a stage always."""
        too_soon = time.monotonic() - self._last < self._cost_seconds / LARGEST_SHARE
        draws = isinstance(stage.product, UNet) and stage.product.answers.num_classes > 0 and stage.sees == "image"
        if (too_soon and not is_last) or not len(self._bench.preview_case) or not (draws or stage.shows):
            return
        start = time.monotonic()
        case = self._bench.preview_case[0]
        folder = self._write(stage, epoch, case)
        self._last = time.monotonic()
        self._cost_seconds = self._last - start
        yield PreviewSaved(case=case.id, stage=stage.name, epoch=epoch, path=folder.relative_to(self._run).as_posix())

    def _write(self, stage: Stage, epoch: int, case: PreparedCase) -> Path:
        was_training = stage.objective.training
        stage.objective.eval()
        pictures = tuple(stage.shows(case)) if stage.shows else ()
        prediction = Prediction(
            case=case.id,
            task=self._bench.task,
            grid=case.original,
            made_by=self._run.name,
            checkpoint=f"{stage.name}.{epoch_name(epoch)}",
            mask=self._mask(stage, case, pictures),
        )
        stage.objective.train(was_training)
        folder = write_prediction(prediction, self._run / PREVIEWS / stage.name)
        write_pictures(pictures, folder)
        return folder

    def _mask(self, stage: Stage, case: PreparedCase, pictures: Sequence[PreviewPicture]) -> Mask | None:
        """Return what the product draws of a case, else the labels of the first picture that has any."""
        bench, network = self._bench, stage.product
        if not isinstance(network, UNet) or stage.sees != "image":
            return next((picture.mask for picture in pictures if picture.mask), None)
        image = torch.from_numpy(case.image_CZYX).to(bench.machine.device)
        found = exhaust(sliding_window(network, image, bench.preprocessing.patch, autocast=bench.machine.autocast))
        return restore_mask(found.labels, case.grid, case.original, bench.task)
