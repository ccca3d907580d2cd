"""Public datasets whose address and checksum an installed package publishes: MONAI (the Decathlon) and MedMNIST.

The tables are read out of the packages' source, of which nothing is run: importing `monai.apps` loads torch, and
importing `medmnist` makes a folder in the person's home. A set without a published checksum is not offered.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_medkd.core.errors import InputProblem, did_you_mean

_MEDMNIST_SIZES = ("", "_64", "_128", "_224")


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A dataset that can be fetched.

    Parameters
    ----------
    name
        By which it is asked for.
    address
        Of the file that is downloaded: http or https.
    checksum
        ``md5:`` and the digits.
    licence
        Under which it was published.
    package
        That publishes the address and the checksum.
    suffix
        Of the file: ``.tar``, ``.npz``.
    """

    name: str
    address: str
    checksum: str
    licence: str
    package: str
    suffix: str

    @property
    def is_archive(self) -> bool:
        """Whether the file is unpacked, and not used as it is."""
        return self.suffix != ".npz"


#: What to type where a package is missing; of medmnist only the table is needed, not the networks it asks for.
PACKAGES = {"monai": 'pip install "napari-medkd[train]"', "medmnist": "pip install --no-deps medmnist"}


def public_sets() -> dict[str, PublicSet]:
    """Return the sets by name, as far as the packages that publish them are installed."""
    return {found.name: found for found in (*_of_decathlon(), *_of_medmnist())}


def missing_packages() -> list[str]:
    """Return the packages that are not installed, or do not say where their sets are."""
    known = {found.package for found in public_sets().values()}
    return [package for package in PACKAGES if package not in known]


def public_set(name: str) -> PublicSet:
    """Return the set of that name, whether in upper or lower case.

    Raises
    ------
    InputProblem
        Where there is none, with the nearest name, and how to install the packages that are missing.
    """
    known = {found.name.lower(): found for found in public_sets().values()}
    if name.lower() in known:
        return known[name.lower()]
    more = [f"More sets are known after: {PACKAGES[package]}" for package in missing_packages()]
    nearest = did_you_mean(name, public_sets()) if known else ""
    raise InputProblem(name, "There is no public dataset of this name.", " ".join([nearest, *more]).strip())


def _of_decathlon() -> Iterator[PublicSet]:
    published = _literals("monai", "apps/datasets.py", "DecathlonDataset")
    addresses, sums = published.get("resource", {}), published.get("md5", {})
    for name in sorted(set(addresses) & set(sums)):
        # The licence stands in the dataset.json of each archive.
        yield PublicSet(name, addresses[name], f"md5:{sums[name]}", "CC BY-SA 4.0", "monai", ".tar")


def _of_medmnist() -> Iterator[PublicSet]:
    for name, known in _literals("medmnist", "info.py").get("INFO", {}).items():
        for size in _MEDMNIST_SIZES:
            address, checksum, licence = (known.get(key) for key in (f"url{size}", f"MD5{size}", "license"))
            if address and checksum and licence:
                yield PublicSet(f"{name}{size}", address, f"md5:{checksum}", licence, "medmnist", ".npz")


def _literals(package: str, module: str, owner: str = "") -> Mapping[str, Any]:
    """Return the dictionaries that a module, or a class in it, assigns to names; none where it is not installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return {}
    try:
        body = ast.parse((Path(spec.origin).parent / module).read_text("utf-8")).body
    except (OSError, ValueError, SyntaxError):
        return {}
    if owner:
        body = next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == owner), [])
    found = {}
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Dict):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue  # a dictionary of something else than words
    return found
