"""What a network answers about a whole image: a mask, scores and boxes on the image's own grid."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Attention, ClassScores, ScoredBoxes
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.engine.box_finding import find_boxes
from napari_medkd.engine.class_scores import class_scores
from napari_medkd.engine.data.preprocess import moved_to, restore_image, restore_labels, restore_mask
from napari_medkd.engine.data.streamed import StreamedImage
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.one_pass import asked_once
from napari_medkd.engine.pieces import Kept, StoredSegmentation, segmentation_in_pieces
from napari_medkd.engine.sliding_window import Segmentation, sliding_window
from napari_medkd.files.memory import MOST_VOXELS_HELD
from napari_medkd.files.plain_name import plain_name


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A network's answer to one task, on the image's own grid: a mask, scores or boxes.

    Parameters
    ----------
    uncertainty
        How unsure the network is of the mask, 0 to 1.
    attention
        Where it looks for the most probable class.
    """

    task: Task
    mask: Mask | None = None
    uncertainty: float | None = None
    scores: ClassScores | None = None
    attention: Attention | None = None
    boxes: ScoredBoxes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """An image as a network sees it.

    Parameters
    ----------
    image
        Preprocessed intensities (C, Z, Y, X) on the network's device, or what reads parts of them.
    grid, original
        The network's grid, and the image's own.
    kept
        The folder where finished pieces of an image that is read in parts are kept, and what they depend on besides the
        task.
    """

    image: Tensor | StreamedImage
    grid: Grid
    original: Grid
    preprocessing: Preprocessing
    kept: Kept | None = None

    @property
    def image_CZYX(self) -> Tensor:
        """All intensities at once.

        Raises
        ------
        VolumeProblem
            Where the image is too large for that.
        """
        if isinstance(self.image, Tensor):
            return self.image
        raise VolumeProblem(
            "image",
            f"The image is too large for this as a whole: {self.grid.describe()}.",
            "Only masks of such images are predicted: crop it, or save it at a lower resolution.",
        )

    def restores_logits_of(self, num_classes: int) -> bool:
        """Return whether a mask is drawn from logits on the image's own grid: it is another, and all can be held."""
        most = max(prod(self.original.shape), num_classes * prod(self.grid.shape))
        return most <= MOST_VOXELS_HELD and not self.grid.matches(self.original)


def answers(network: nn.Module, tasks: tuple[Task, ...], sight: Sight, machine: Machine) -> Iterator[float | Answer]:
    """Yield the answer to each task, and the fraction of it that is done between windows.

    Parameters
    ----------
    network
        Has a head for each task, in the training state it should answer in.
    """
    asked = asked_once(network, sight.image.shape[1:], sight.preprocessing.patch, len(tasks))
    for task in tasks:
        if task.kind == "segmentation":
            yield from _mask(asked, task, sight, machine)
        elif task.kind == "classification":
            yield _scores(asked, task, sight, machine)
        else:
            yield from _boxes(asked, task, sight, machine)


def _mask(network: nn.Module, task: Task, sight: Sight, machine: Machine) -> Iterator[float | Answer]:
    patch = sight.preprocessing.patch
    found: Segmentation | StoredSegmentation
    if isinstance(sight.image, StreamedImage) and sight.kept is not None:
        kept = Kept(sight.kept.folder / plain_name(task.name), sight.kept.key)
        found = yield from segmentation_in_pieces(network, sight.image, patch, machine, len(task.classes), kept)
    else:
        found = yield from sliding_window(
            network,
            sight.image_CZYX,
            patch,
            autocast=machine.autocast,
            keeps_logits=sight.restores_logits_of(len(task.classes)),
        )
    if isinstance(found, Segmentation) and found.logits is not None:
        mask = Mask(restore_labels(found.logits, sight.grid, sight.original), sight.original, task)
    else:
        mask = restore_mask(found.labels, sight.grid, sight.original, task)
    yield Answer(task, mask, found.uncertainty)


def _scores(network: nn.Module, task: Task, sight: Sight, machine: Machine) -> Answer:
    patch, image = sight.preprocessing.patch, sight.image_CZYX
    found = class_scores(network, image, patch, task, machine.autocast, with_attention=True)
    scores = ClassScores(dict(zip(task.classes, found.probabilities_K.tolist(), strict=True)))
    attention = None
    if found.attention_ZYX is not None:
        map_ZYX = restore_image(found.attention_ZYX[None], sight.grid, sight.original)[0].clip(0, 1)
        attention = Attention(task.classes[int(found.probabilities_K.argmax())], map_ZYX)
    return Answer(task, scores=scores, attention=attention)


def _boxes(network: nn.Module, task: Task, sight: Sight, machine: Machine) -> Iterator[float | Answer]:
    found = yield from find_boxes(network, sight.image_CZYX, sight.preprocessing.patch, machine.autocast)
    names = tuple(task.classes[index] for index in found.classes_N)
    boxes = moved_to(Boxes(found.corners_N6, names, sight.grid, task), sight.original)
    yield Answer(task, boxes=ScoredBoxes(boxes, found.scores_N).clipped())
