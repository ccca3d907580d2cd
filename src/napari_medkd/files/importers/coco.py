"""COCO JSON: boxes on pictures. Masks in it are not taken over, their boxes are; crowd regions are left out.

One document, or all of a folder: ``*.json`` in it or one folder deeper, as COCO's own ``annotations/`` and Roboflow's
``train/``, ``valid/`` and ``test/`` are laid out. The side is the image's own ``split``, or the word for a side in the
name of the document or of its folder in the chosen one; one that all images share is none, unless it trains. Of an
image that several documents list, as COCO's ``instances_*`` and ``person_keypoints_*`` do, the first one's boxes are
taken. A document whose annotations have no category, as the panoptic ones, is passed over beside others. The classes
are those that the documents list, also where no box is of them.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, VolumeProblem
from napari_medkd.files.importers.beside import side_in
from napari_medkd.files.importers.documents import json_of
from napari_medkd.files.importers.image_index import ImageIndex, case_ids
from napari_medkd.files.importers.pairs import channels_and_modality
from napari_medkd.files.importers.picture_boxes import Rectangle, boxes_on_pictures
from napari_medkd.files.importers.source import ColumnWishes, Source, folder_of
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.picture_size import picture_grid
from napari_medkd.files.splitting import split_of_sides

TASK = "boxes"
_PARTS = ("images", "annotations", "categories")
_LOOKED_AT = 64 * 2**10


def recognise(source: Path, wishes: ColumnWishes) -> Source | None:
    """Return the images and boxes of the document, or of all in the folder; None where there is none.

    Raises
    ------
    DatasetProblem
        With every annotation of no image or category, every box that is no four numbers, and every image whose size is
        not the one that was annotated.
    """
    paths = [path for path in _candidates(source) if _may_be_coco(path)]
    documents = [(path, document) for path in paths if _is_coco(document := json_of(path))]
    if not documents:
        return None
    folder = folder_of(source)
    reading = _Reading(ImageIndex(folder), Tally(str(source)), Tally(str(source)))
    reading.index.tell_links(reading.remarks)
    for path, document in _of_boxes(documents, reading.remarks):
        reading.take(path, document)
    if reading.faults:
        raise DatasetProblem.of(reading.faults)
    if not reading.rectangles:
        found = "None of the images that are listed is here."
        raise DatasetProblem(str(source), found, "Choose the folder that holds both the images and the document.")
    dataset = _dataset(reading, folder)
    return boxes_on_pictures("COCO", dataset, TASK, reading.by_case(), reading.remarks, listed=reading.classes)


def _candidates(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() == ".json" else []
    return sorted(path for pattern in ("*.json", "*/*.json") for path in source.glob(pattern) if path.is_file())


def _may_be_coco(path: Path) -> bool:
    """Return whether one of the words stands near the document's beginning, so that others need not be read whole."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:
        return False
    return any(f'"{part}"'.encode() in start for part in _PARTS)


def _is_coco(document: Any) -> bool:
    return isinstance(document, dict) and all(isinstance(document.get(part), list) for part in _PARTS)


def _of_boxes(documents: list[tuple[Path, Any]], remarks: Tally) -> list[tuple[Path, Any]]:
    """Return the documents without those of something else than boxes, as long as there are others."""
    others = [path for path, document in documents if not _names_categories(document["annotations"])]
    if len(others) == len(documents):
        return documents
    for path in others:
        found = "None of a document's annotations has a category_id, and it is passed over"
        remarks.add(path.name, found, "Nothing need be done, unless it holds boxes.")
    return [(path, document) for path, document in documents if path not in others]


def _names_categories(annotations: list[Any]) -> bool:
    return not annotations or any(_has(entry, "category_id") for entry in annotations)


@dataclass
class _Reading:
    """What was read so far: rectangles and sides by image, classes, what is wrong, and what was left out."""

    index: ImageIndex
    faults: Tally
    remarks: Tally
    rectangles: dict[Path, list[Rectangle]] = field(default_factory=dict)
    side_of: dict[Path, str] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)

    def take(self, path: Path, document: dict[str, Any]) -> None:
        """Add the images and boxes of one document, but no boxes of images that an earlier one lists."""
        listed_before = set(self.rectangles)
        name_of = {entry["id"]: str(entry["name"]) for entry in document["categories"] if _has(entry, "id", "name")}
        image_of: dict[Any, Path | None] = {}
        for entry in document["images"]:
            if not _has(entry, "id", "file_name"):
                self.faults.add(str(entry)[:60], "An image has no id or file_name", "Export the document again.")
                continue
            image = self._image(entry, path)
            if image is not None and image in listed_before:
                problem = "An image is listed in several documents; its boxes are those of the first"
                self.remarks.add(image.name, problem, "To take those of another document, import that one alone.")
                image = None
            image_of[entry["id"]] = image
        if any(image_of.values()):
            self.classes.update(name_of.values())
        for entry in document["annotations"]:
            self._annotation(entry, name_of, image_of)

    def by_case(self) -> dict[str, list[Rectangle]]:
        """Return the rectangles by case id."""
        ids = case_ids(self.rectangles, self.index.folder)
        return {ids[path]: boxes for path, boxes in self.rectangles.items()}

    def _image(self, entry: dict[str, Any], document: Path) -> Path | None:
        text = str(entry["file_name"])
        try:
            path = self.index.find(text, document.parent)
        except DatasetProblem as error:
            self.faults.add(error.problems[0].where, error.problems[0].problem.rstrip("."), error.problems[0].hint)
            return None
        if path is None:
            self.remarks.add(text, "An image is not here, and is left out with its boxes", "Add it, if you have it.")
            return None
        self._compare_size(entry, path)
        self.rectangles.setdefault(path, [])
        names = (str(entry.get("split", "")), document.stem, *document.relative_to(self.index.folder).parts[:-1])
        self._note_side(path, next(filter(None, map(side_in, names)), ""))
        return path

    def _note_side(self, path: Path, side: str) -> None:
        """Keep the side of an image; where nothing is said of it, it stays the one that another document says."""
        known = self.side_of.get(path, "")
        if known and side and known != side:
            hint = "List it on one side: in documents of one side, or with the same split."
            self.faults.add(f"{path.name}: {known} and {side}", "An image is listed on two sides", hint)
        self.side_of[path] = known or side

    def _compare_size(self, entry: dict[str, Any], path: Path) -> None:
        """Note where an image is not as large as the document says: then its boxes lie elsewhere."""
        try:
            _, height, width = picture_grid(path).shape
        except VolumeProblem as error:
            self.faults.add(path.name, error.problems[0].problem.rstrip("."), error.problems[0].hint)
            return
        said = (entry.get("width"), entry.get("height"))
        is_said = all(isinstance(side, int | float) and side > 0 for side in said)
        if is_said and said != (width, height):
            self.faults.add(
                f"{path.name}: {width} x {height} instead of {said[0]} x {said[1]}",
                "An image has not the size that was annotated",
                "Put the images there that were annotated, not turned and not resized.",
            )

    def _annotation(self, entry: Any, name_of: dict[Any, str], image_of: dict[Any, Path | None]) -> None:
        is_listed = _has(entry, "image_id") and entry["image_id"] in image_of
        path = image_of[entry["image_id"]] if is_listed else None
        if is_listed and path is None:  # the image is not here, or its boxes are another document's
            return
        if not _has(entry, "image_id", "category_id"):
            self.faults.add(str(entry)[:60], "An annotation has no image_id or category_id", "Export it again.")
            return
        place = f"annotation {entry.get('id', '?')}"
        if path is None or entry["category_id"] not in name_of:
            self.faults.add(place, "An annotation is of an image or category that is not listed", "Export it again.")
            return
        if entry.get("iscrowd"):
            self.remarks.add(place, "A crowd is no single box, and is left out", "Nothing need be done.")
            return
        box = _four_numbers(entry.get("bbox"))
        if box is None:
            self.faults.add(place, "A bbox is no four numbers", "Write [x, y, width, height] in pixels.")
            return
        if entry.get("segmentation"):
            self.remarks.add(place, "An outline is not taken over, its box is", "For masks, export mask images.")
        self.rectangles[path].append(Rectangle(name_of[entry["category_id"]], *box))


def _has(entry: Any, *keys: str) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str | int) for key in keys)


def _four_numbers(box: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(box, list) or len(box) != 4:
        return None
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in box):
        return None
    x, y, width, height = map(float, box)
    return x, y, width, height


def _dataset(reading: _Reading, folder: Path) -> Dataset:
    ids = case_ids(reading.rectangles, folder)
    cases = tuple(Case(name, (path,), name) for path, name in ids.items())
    channels, modality = channels_and_modality(list(ids))
    dataset = Dataset(
        name=folder.resolve().name,
        channels=channels,
        modality=modality,
        tasks={},
        cases=cases,
        folder=folder,
    )
    sides = {ids[path]: side for path, side in reading.side_of.items() if side}
    if len(sides) == len(ids) and set(sides.values()) in ({"validate"}, {"test"}):
        problem = "All images are on one side, which is not that to train; it is left out"
        reading.remarks.add(sides.popitem()[1], problem, "Import it together with the others, or write splits.json.")
        return dataset
    return replace(dataset, split=split_of_sides(cases, sides)) if sides else dataset
