"""Datasets of pictures that the tests of a module share."""

from pathlib import Path

import pytest

from tests.pictures import write_pictures


@pytest.fixture(scope="module")
def cells(tmp_path_factory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data") / "cells", "cells")


@pytest.fixture(scope="module")
def spots(tmp_path_factory) -> Path:
    """A dataset of two channels, with classes alone."""
    return write_pictures(tmp_path_factory.mktemp("data") / "spots", "spots", channels=2, dark=True, tasks="c")
