"""Public images as they were published; needs MEDKD_DATA."""

from pathlib import Path

import numpy as np

from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.patterns import Patterns, source_by_patterns
from napari_medkd.files.importers.preview import preview_of
from napari_medkd.files.importing import write_source
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask, read_volume
from tests.files.importers.imported import boxes_of, case_labels, imported


def test_blood_cells_from_coco_and_from_the_table_are_the_same_boxes(real_data: Path, tmp_path: Path):
    from_coco, remarks = imported(real_data / "bccd", tmp_path / "a")
    from_table, _ = imported(real_data / "bccd" / "boxes.csv", tmp_path / "b")

    assert ["counts as a patient of its own" in remark.problem for remark in remarks] == [True]
    assert [len(side) for side in (from_coco.split.train, from_coco.split.validate, from_coco.split.test)] == [
        205,
        87,
        72,
    ]
    assert from_table.split == from_coco.split
    count = 0
    for case in from_coco.cases:
        ours, theirs = boxes_of(from_coco, case.id), boxes_of(from_table, case.id)
        count += len(ours.classes)
        assert sorted(zip(ours.corners.tolist(), ours.classes, strict=True)) == sorted(
            zip(theirs.corners.tolist(), theirs.classes, strict=True)
        )
    assert count == 4886


def test_boxes_of_breast_lesions_surround_their_masks(real_data: Path, tmp_path: Path):
    dataset, _ = imported(real_data / "busbra", tmp_path / "d")

    assert set(dataset.tasks) == {"segmentation", "pathology", "boxes"}
    assert len({case.domain for case in dataset.cases}) == 4
    for case in dataset.cases[::40]:
        grid = read_volume(case.images).grid
        mask = read_mask(Path(str(case.annotations["segmentation"])), dataset.task("segmentation"), grid=grid)
        inside = np.argwhere(mask.labels)
        tight = np.concatenate([inside.min(axis=0), inside.max(axis=0) + 1])
        np.testing.assert_allclose(boxes_of(dataset, case.id).corners[0], tight, atol=1)


def test_pneumonia_mnist_has_the_official_sides_and_counts(real_data: Path, tmp_path: Path):
    dataset, _ = imported(real_data / "pneumoniamnist", tmp_path / "d")

    labels = case_labels(dataset, "class")
    sides = (dataset.split.train, dataset.split.validate, dataset.split.test)
    assert [(len(side), sum(labels[name] == {"pneumonia"} for name in side)) for side in sides] == [
        (4708, 3494),
        (524, 389),
        (624, 390),
    ]


def test_tuberculosis_of_two_sites_has_folds_and_domains(real_data: Path, tmp_path: Path):
    montgomery, _ = imported(real_data / "cxr_montgomery", tmp_path / "m")
    shenzhen, _ = imported(real_data / "cxr_shenzhen", tmp_path / "s")

    assert montgomery.task("class") == shenzhen.task("class")
    assert {case.domain for case in (*montgomery.cases, *shenzhen.cases)} == {"montgomery", "shenzhen"}
    assert (len(montgomery.cases), len(shenzhen.cases)) == (118, 525)
    assert all(montgomery.split.train and side for side in (montgomery.split.validate, montgomery.split.test))


def test_lesions_of_several_sequences_are_found_by_patterns(real_data: Path, tmp_path: Path):
    patterns = Patterns(("*/t1.nii.gz", "*/flair.nii.gz"), "{case}/lesion.nii.gz")

    found = source_by_patterns(real_data / "openms_mni3", patterns)

    assert preview_of(found).problems == ()
    dataset = open_dataset(write_source(found, tmp_path / "d"))
    assert (dataset.channels, dataset.modality) == (("t1", "flair"), Modality.MR)
    assert [case.id for case in dataset.labelled("segmentation")] == ["patient07", "patient19", "patient26"]
