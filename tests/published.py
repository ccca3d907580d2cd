"""Packages that publish where datasets are, as monai and medmnist do, with addresses of our own, and such datasets."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import nibabel
import numpy as np


def sum_of(content: bytes) -> str:
    """Return the checksum of a file as pooch takes it."""
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


def publish(
    packages: Path,
    *,
    medmnist: Mapping[str, str] | None = None,
    monai: Mapping[str, tuple[str, str | None]] | None = None,
) -> None:
    """Write the packages into a folder; they fail where they are imported.

    Parameters
    ----------
    medmnist
        What its table says of the only set, beside the licence: ``url``, ``MD5``, ``url_64`` and so on.
    monai
        Address and MD5 sum by the task's name.
    """
    if medmnist is not None:
        known = {"breastmnist": {**medmnist, "license": "CC BY 4.0"}}
        _write(packages / "medmnist", "info.py", f"INFO = {known!r}\n")
    if monai is not None:
        addresses = {name: address for name, (address, _) in monai.items()}
        sums = {name: checksum for name, (_, checksum) in monai.items() if checksum}
        other = "class Other:\n    resource = {'Task00': 'http://x'}\n    md5 = {'Task00': '0'}\n"
        decathlon = f"class DecathlonDataset(Other):\n    resource = {addresses!r}\n    md5 = {sums!r}\n"
        _write(packages / "monai", "apps/datasets.py", other + decathlon)


def _write(package: Path, module: str, text: str) -> None:
    (package / module).parent.mkdir(parents=True, exist_ok=True)
    (package / module).write_text(text)
    (package / "__init__.py").write_text("raise ImportError\n")


def decathlon_tar(**more: bytes) -> bytes:
    """Return an archive as the Decathlon's are, with what a Mac leaves in it, and more files."""
    voxels = np.zeros((4, 5, 6), np.uint8)
    voxels[1:3] = 1
    files = {
        "imagesTr/a.nii": nibabel.Nifti1Image(voxels * 9, np.eye(4)).to_bytes(),
        "labelsTr/a.nii": nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes(),
    }
    training = [{"image": "./imagesTr/a.nii", "label": "./labelsTr/a.nii"}]
    document = {"name": "A", "labels": {"0": "background", "1": "heart"}, "modality": {"0": "CT"}, "training": training}
    files |= {"dataset.json": json.dumps(document).encode(), "imagesTr/._a.nii": b"", **more}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./Task01_A/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()
