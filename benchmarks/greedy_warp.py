"""Moves a reference's label onto an image with greedy, in an environment of its own that has picsl-greedy.

    python -m venv greedy && greedy/bin/pip install picsl-greedy==1.4.0.3
    greedy/bin/python benchmarks/greedy_warp.py DIMENSIONS REFERENCE LABEL IMAGE OUT

Affine, then a diffeomorphic flow, both by normalised cross-correlation over 5 voxels along each of 2 or 3 DIMENSIONS.
REFERENCE, LABEL and IMAGE are NIfTI files of one channel; OUT is the label on IMAGE's grid. It imports nothing of ours:
it runs where this package is not installed.
"""

import sys
import tempfile
from pathlib import Path

from picsl_greedy import Greedy2D, Greedy3D


def main(dimensions: str, reference: str, label: str, image: str, out: str) -> None:
    """Register, and write the moved label."""
    greedy = Greedy2D() if dimensions == "2" else Greedy3D()
    radius = "x".join("2" * int(dimensions))
    with tempfile.TemporaryDirectory() as folder:
        affine, flow = Path(folder) / "affine.mat", Path(folder) / "flow.nii.gz"
        pair = f"-d {dimensions} -i {image} {reference} -n 100x50x20 -m NCC {radius} -threads 1"
        greedy.execute(f"{pair} -a -dof 12 -ia-image-centers -o {affine}")
        greedy.execute(f"{pair} -it {affine} -sv -s 1.5vox 0.5vox -o {flow}")
        greedy.execute(f"-d {dimensions} -rf {image} -ri LABEL 0.2vox -rm {label} {out} -r {flow} {affine} -threads 1")


if __name__ == "__main__":
    main(*sys.argv[1:])
