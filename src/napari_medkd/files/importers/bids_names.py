"""What a file's name says in a BIDS dataset: ``sub-01_ses-2_desc-lesion_mask.nii.gz`` is entities and a last word."""

from dataclasses import dataclass
from pathlib import Path

from napari_medkd.files.opening import stem_of

#: Last words of the names of masks; ``seg`` and ``roi`` are older.
MASK_WORDS = ("dseg", "mask", "seg", "roi")
#: Entities that tell one image of a subject from another.
_IDENTITY = ("ses", "sample", "acq", "ce", "rec", "dir", "run", "echo", "part", "chunk")
#: Entities that say what a mask is of.
_MEANING = ("hemi", "atlas", "seg", "desc", "label")
#: Spaces that are the image's own, besides the name of its contrast; what lies in any other has another grid.
_OWN_SPACES = ("orig", "individual", "native", "scanner")


@dataclass(frozen=True, slots=True)
class BidsName:
    """The parts of a name.

    Parameters
    ----------
    path
        Of the file.
    entities
        Value by key, in the order of the name.
    word
        The last part: what the file is.
    """

    path: Path
    entities: dict[str, str]
    word: str

    @property
    def subject(self) -> str:
        """The subject as the name says it: ``sub-01``."""
        return f"sub-{self.entities['sub']}"

    @property
    def identity(self) -> frozenset[tuple[str, str]]:
        """What tells the image from others of the subject."""
        return frozenset((key, value) for key, value in self.entities.items() if key in _IDENTITY)

    @property
    def meaning(self) -> str:
        """What a mask is of, in words; empty where the name does not say."""
        return " ".join(self.entities[key] for key in _MEANING if key in self.entities)

    def lies_on(self, contrast: str) -> bool:
        """Return whether it lies where the subject's image of that contrast does: not moved, nor resampled."""
        return self.entities.get("space", contrast) in (*_OWN_SPACES, contrast) and "res" not in self.entities


def name_of(path: Path) -> BidsName | None:
    """Return the parts of a file's name, or None where it is no name of BIDS."""
    *parts, word = stem_of(path).split("_")
    entities = dict(part.split("-", 1) for part in parts if "-" in part)
    if "sub" not in entities or not word.isalnum():
        return None
    return BidsName(path, entities, word)
