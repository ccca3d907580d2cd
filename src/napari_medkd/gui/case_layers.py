"""A case of a dataset as layers: its image, what an expert says of it, and a network's answer on top."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medkd.core.dataset import Case, Dataset
    from napari_medkd.core.grid import Grid
    from napari_medkd.gui.layers import LayerData


def case_layers(dataset: Dataset, case: Case, answer: Path | None = None) -> list[LayerData]:
    """Return the image of a case, and its masks and boxes over it.

    Parameters
    ----------
    answer
        The folder of a network's prediction of the case, which is drawn on top.

    Raises
    ------
    InputProblem
        Where a file is missing or damaged, or an annotation lies on another grid than the image.
    """
    from napari_medkd.files.opening import read_boxes, read_mask, read_volume
    from napari_medkd.gui.box_layers import boxes_layers
    from napari_medkd.gui.layers import image_layers, mask_layer

    volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)
    layers = image_layers(volume, case.id, case=case.id)
    for name, known in case.annotations.items():
        task = dataset.tasks[name]
        title = f"{case.id} · {name} (truth)"
        if not isinstance(known, Path):
            continue
        if task.kind == "segmentation":
            mask = read_mask(known, task, grid=volume.grid, label_map=dataset.label_maps.get(name))
            layers.append(mask_layer(mask, title, source=known, is_truth=True, case=case.id))
        elif task.kind == "detection":
            layers += boxes_layers(read_boxes(known, task, volume.grid), title, is_truth=True)
    return layers if answer is None else [*layers, *_answer_layers(answer, dataset, volume.grid)]


def _answer_layers(folder: Path, dataset: Dataset, grid: Grid) -> list[LayerData]:
    from napari_medkd.files.results import read_prediction
    from napari_medkd.gui.networks import stage_of, title_of
    from napari_medkd.gui.overlays import prediction_layers

    answer = read_prediction(folder)
    if answer.mask is not None:
        answer = replace(answer, mask=replace(answer.mask, task=dataset.as_known(answer.mask.task)))
    title = title_of(stage_of(answer.checkpoint), answer.shown)
    return prediction_layers(answer, f"{title} · {answer.case}", on=grid)
