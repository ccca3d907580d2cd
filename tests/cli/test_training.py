"""A training run, from the options to what it says."""

from pathlib import Path

import pytest

from napari_medkd.core.status import status_of
from napari_medkd.runs.folder import RunFolder
from tests.cli.conftest import Medkd


@pytest.mark.engine
def test_that_references_leave_the_other_labels_out_is_noticed(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    quick = ("--method", "supervised", "--widths", "4,8", "--epochs", 1, "--steps-per-epoch", 1, "--device", "cpu")

    answer = medkd("train", "--runs-folder", tmp_path, "--data", tiny_dataset, *quick, "--reference", "case_0")

    (notice,) = status_of(RunFolder(Path(answer.out.strip())).events()).notices
    assert answer.code == 0
    assert "alone" in notice
    assert f"Note: {notice}" in answer.err
