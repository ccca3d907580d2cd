from pathlib import Path

import numpy as np
import pytest

from napari_medkd.files.importers import preview
from napari_medkd.files.importers.preview import Labels, preview_of
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.sources import source_at
from tests.files.importers.imported import imported, picture, write


def seen(source: Path) -> preview.Preview:
    return preview_of(source_at(source, ColumnWishes()))


@pytest.fixture
def pairs(tmp_path: Path, save) -> Path:
    """Ten images with masks."""
    for name in range(10):
        save(tmp_path / f"s/images/{name}.nii.gz", 1, 2, 3)
        save(tmp_path / f"s/labels/{name}.nii.gz", 0, 1)
    return tmp_path / "s"


def test_cases_sizes_and_the_split_are_those_of_the_import(tmp_path: Path, pairs: Path):
    found = seen(pairs)

    assert found.sizes == {"6 x 5 x 4 voxels of 2 x 1 x 1 mm": 10}
    assert (found.num_opened, found.problems) == (10, ())
    dataset, _ = imported(pairs, tmp_path / "d")
    assert found.dataset.split == dataset.split
    assert [case.id for case in found.dataset.cases] == [case.id for case in dataset.cases]


def test_problems_are_listed_before_anything_is_imported(tmp_path: Path, pairs: Path, save):
    (pairs / "images/3.nii.gz").write_bytes(b"damaged")
    save(pairs / "labels/5.png", 0, 1).rename(pairs / "labels/5.nii.gz")
    before = sorted(tmp_path.rglob("*"))

    found = seen(pairs)

    assert [problem.where for problem in found.problems] == ["cases.3", "cases.5"]
    assert sorted(tmp_path.rglob("*")) == before


def test_of_many_bytes_an_even_sample_is_opened(pairs: Path, monkeypatch: pytest.MonkeyPatch):
    num_bytes = sum(path.stat().st_size for path in (pairs / "images").iterdir())
    monkeypatch.setattr(preview, "_BYTES_OPENED", num_bytes // 2)

    found = seen(pairs)

    assert found.num_opened < 10
    assert len(found.dataset.cases) == 10
    assert found.problems == ()


def test_boxes_that_would_be_made_are_counted_and_split_like_the_import(tmp_path: Path):
    for name in "abcdefgh":
        picture(tmp_path / f"s/images/{name}.png")
    rows = [f"{name},1,2,3,4,{'cyst' if name in 'abc' else 'tumour'}" for name in "abcdefgh"]
    write(tmp_path / "s/boxes.csv", "\n".join(["image,x,y,w,h,kind", *rows, "a,5,6,7,8,tumour"]))

    found = preview_of(source_at(tmp_path / "s", ColumnWishes(classes=("kind",))))

    assert found.made == {"boxes": Labels(8, {"cyst": 3, "tumour": 6})}
    assert found.problems == ()
    dataset, _ = imported(tmp_path / "s", tmp_path / "d", ColumnWishes(classes=("kind",)))
    assert found.dataset.split == dataset.split


def test_an_image_that_cannot_be_made_is_told(tmp_path: Path, save):
    for case in ("Mets_001", "Mets_002"):
        for name in ("0", "1", "2", "3", "seg"):
            save(tmp_path / "s" / case / name / "1.png", 1)
    (tmp_path / "s/Mets_001/2/1.png").write_bytes(b"damaged")

    (problem,) = seen(tmp_path / "s").problems

    assert problem.where.endswith("Mets_001/2/1.png")


def test_of_a_file_of_images_the_first_few_are_made(tmp_path: Path):
    images = np.zeros((20, 28, 28), np.uint8)
    labels = np.arange(20)[:, np.newaxis] % 2
    sides = {
        f"{side}_{kind}": known
        for side in ("train", "test")
        for kind, known in (("images", images), ("labels", labels))
    }
    np.savez(tmp_path / "x.npz", **sides)

    found = seen(tmp_path)

    assert len(found.dataset.cases) == 40
    assert found.sizes == {"1 x 28 x 28 voxels of 1 x 1 x 1 pixel": 8}
    assert found.num_opened == 8
