"""A preview of an import, as lines and as a JSON document."""

from typing import Any

from napari_medkd.cli.dataset_summary import lines_of, summary_of
from napari_medkd.cli.terminal import as_rows
from napari_medkd.core.words import count_or_no
from napari_medkd.files.importers.preview import Preview

_SIZES_SHOWN = 3


def document_of(preview: Preview) -> dict[str, Any]:
    """Return the preview as a document: the dataset's numbers, sizes of images, cases opened, problems."""
    numbers = summary_of(preview.dataset)
    for name, made in preview.made.items():
        task = numbers["tasks"][name]
        task["labelled"] = None if made.cases is None else made.cases + task["labelled"]
        task["classes"] = {known: made.boxes.get(known, count) for known, count in task["classes"].items()}
    return {
        **numbers,
        "modality": preview.dataset.modality.value,
        "sizes": dict(preview.sizes),
        "opened": preview.num_opened,
        "problems": as_rows(preview.problems),
    }


def lines_of_preview(document: dict[str, Any]) -> list[str]:
    """Return such a document as lines, without the problems."""
    opened = f"{document['opened']} of {document['cases']} cases were opened"
    return [
        *lines_of(document),
        f"channels: {', '.join(document['channels'])} ({document['modality']})",
        f"sizes: {_in_words(document['sizes'])}",
        f"{opened}: {count_or_no(len(document['problems']), 'problem')} found",
    ]


def _in_words(sizes: dict[str, int]) -> str:
    listed = [f"{grid} ({count})" for grid, count in sizes.items()]
    if len(listed) > _SIZES_SHOWN:
        return f"{len(listed)} different ones, most often {listed[0]}"
    return ", ".join(listed) or "not known"
