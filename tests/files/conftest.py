"""Fixtures for reading and writing files."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images that MEDKD_DATA names."""
    folder = os.environ.get("MEDKD_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real images: set MEDKD_DATA to the folder that holds hippocampus_msd and the others")
    return Path(folder)
