"""What may come out of an archive: files with plain names, of kinds that a dataset needs, and not too many bytes.

Files of other kinds are left out. With a link, a device or a name that leaves the folder the archive is refused whole.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.opening import IMAGE_SUFFIXES

_DOCUMENTS = (".json", ".csv", ".tsv", ".txt", ".md", ".rst", ".pdf", ".xml", ".yaml", ".yml", ".npz", ".npy")
#: Suffixes of the files that are taken; besides them, such without any, as LICENSE.
TAKEN_SUFFIXES = (*IMAGE_SUFFIXES, *_DOCUMENTS, ".bval", ".bvec")
#: What Windows takes for a device or a stream, or cannot write; a name must mean the same on every system.
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
_HINT = "Do not unpack it by hand either, unless you know who made it; get the dataset from where it was published."


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive.

    Parameters
    ----------
    name
        As it stands in the archive.
    size
        In bytes, unpacked, as the archive says.
    kind
        ``"file"``, ``"folder"``, or what else it is, in words.
    """

    name: str
    size: int
    kind: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders and the name, without those that mean nothing (``./``)."""
        return tuple(part for part in PurePosixPath(self.name).parts if part != ".")

    @property
    def is_taken(self) -> bool:
        """Whether it is a file of a kind that a dataset needs, and not hidden."""
        name = self.parts[-1].lower() if self.parts else ""
        is_hidden = any(part.startswith((".", "__MACOSX")) for part in self.parts)
        has_known_kind = name.endswith(TAKEN_SUFFIXES) or not Path(name).suffix
        return self.kind == "file" and bool(name) and not is_hidden and has_known_kind


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may come out of an archive.

    Parameters
    ----------
    most_bytes
        Of all files together.
    most_members
        Files and folders.
    """

    most_bytes: int
    most_members: int = 1_000_000


def refuse_unsafe(members: Iterable[Member], archive: Path, bounds: Bounds) -> list[Member]:
    """Return the members, where every one of them is safe; members are looked at until the bounds are passed.

    Raises
    ------
    DatasetProblem
        With every kind of fault: names that leave the folder or mean something else on another system, links and
        devices, names that are the same but for their case, more bytes or members than the bounds.
    """
    faults, listed, taken = Tally(str(archive)), [], _Names()
    num_bytes = 0
    for member in members:
        listed.append(member)
        num_bytes += member.size
        if num_bytes > bounds.most_bytes or len(listed) > bounds.most_members:
            raise DatasetProblem.of([*faults, _too_much(archive, bounds, num_bytes)])
        fault = _fault(member) or (taken.fault(member) if member.is_taken else "")
        if fault:
            faults.add(repr(member.name[:120]), fault, _HINT)
    if faults:
        raise DatasetProblem.of(faults)
    return listed


def _too_much(archive: Path, bounds: Bounds, num_bytes: int) -> Problem:
    found = (
        f"It unpacks to {num_bytes / 2**20:,.0f} MiB or more; {bounds.most_bytes / 2**20:,.0f} at most are taken."
        if num_bytes > bounds.most_bytes
        else f"It holds more than {bounds.most_members:,} files and folders."
    )
    return Problem(str(archive), found, f"A dataset is not packed like that. {_HINT}")


def _fault(member: Member) -> str:
    """Return why no dataset holds such a member, or nothing."""
    if member.kind not in ("file", "folder"):
        return f"It holds a {member.kind}"
    if member.size < 0:
        return "The size of a member is below 0"
    if member.name.startswith("/") or ".." in member.parts:
        return "The name of a member leaves the folder"
    if member.is_taken and any(_UNFIT.search(part) for part in member.parts):
        return "The name of a member means something else on another system, or nothing"
    return ""


class _Names:
    """The names of files met so far, as a system sees them that does not tell upper from lower case."""

    def __init__(self) -> None:
        self._spelt: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._files: set[tuple[str, ...]] = set()

    def fault(self, member: Member) -> str:
        """Return whether the name, or that of a folder of it, was met as something else, and remember it."""
        folded = tuple(unicodedata.normalize("NFC", part).casefold() for part in member.parts)
        for depth in range(1, len(folded)):
            if folded[:depth] in self._files:
                return "A file and a folder have one name"
            if self._spelt.setdefault(folded[:depth], member.parts[:depth]) != member.parts[:depth]:
                return "Two names differ in case alone"
        if folded in self._spelt:
            return "Two members have one name, or names that differ in case alone"
        self._spelt[folded] = member.parts
        self._files.add(folded)
        return ""
