"""Predicts one case at the end of an epoch, to be overlaid while training."""

import time
from collections.abc import Iterator
from pathlib import Path

import torch

from napari_medkd.core.dataset import Case
from napari_medkd.core.events import AnyEvent, PreviewSaved
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.run_layout import PREVIEWS, epoch_name
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.data.preprocess import prepare_image, restore_mask
from napari_medkd.engine.judge import exhaust
from napari_medkd.engine.method import Stage
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.sliding_window import sliding_window
from napari_medkd.files.opening import read_volume
from napari_medkd.files.results import write_prediction

#: Previews may take this share of the time at most.
LARGEST_SHARE = 0.02


class Previews:
    """Writes the prediction of the spec's preview case, where the network answers from the image alone."""

    def __init__(self, bench: Bench, run: Path) -> None:
        self._bench = bench
        self._run = run
        self._cost_seconds = 0.0
        self._last = -float("inf")

    def _case(self) -> Case | None:
        bench = self._bench
        names = [bench.spec.preview_case] if bench.spec.preview_case else list(bench.dataset.split.validate[:1])
        return bench.dataset.case(names[0]) if names else None

    def after_epoch(self, stage: Stage, epoch: int) -> Iterator[AnyEvent]:
        """Write a preview and say so, unless previews would slow training down."""
        case = self._case()
        too_soon = time.monotonic() - self._last < self._cost_seconds / LARGEST_SHARE
        if case is None or stage.sees != "image" or too_soon or not isinstance(stage.product, UNet):
            return
        start = time.monotonic()
        folder = self._write(stage.product, stage.name, epoch, case)
        self._last = time.monotonic()
        self._cost_seconds = self._last - start
        yield PreviewSaved(case=case.id, stage=stage.name, epoch=epoch, path=folder.relative_to(self._run).as_posix())

    def _write(self, network: UNet, stage: str, epoch: int, case: Case) -> Path:
        bench = self._bench
        volume = read_volume(case.images, channels=bench.dataset.channels, modality=bench.dataset.modality)
        image_CZYX, grid = prepare_image(volume, bench.preprocessing)
        image = torch.from_numpy(image_CZYX).to(bench.machine.device)
        network.eval()
        found = exhaust(sliding_window(network, image, bench.preprocessing.patch, autocast=bench.machine.autocast))
        network.train()
        prediction = Prediction(
            case=case.id,
            task=bench.task,
            grid=volume.grid,
            made_by=self._run.name,
            checkpoint=f"{stage}.{epoch_name(epoch)}",
            mask=restore_mask(found.labels, grid, volume.grid, bench.task),
        )
        return write_prediction(prediction, self._run / PREVIEWS)
