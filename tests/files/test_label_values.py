import tracemalloc

import numpy as np
import pytest

from napari_medkd.files.label_values import counts_of

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_every_voxel_is_counted_by_its_label(kind):
    labels = RANDOM.integers(0, np.iinfo(kind).max, (30, 100, 100), dtype=kind, endpoint=True)
    labels[10:20] = 7

    counts = counts_of(labels)

    np.testing.assert_array_equal(counts, np.bincount(labels.ravel(), minlength=2**16))


def test_a_mask_that_lies_in_another_order_is_counted_as_well():
    labels = RANDOM.integers(0, 5, (30, 100, 100), dtype=np.uint8)

    np.testing.assert_array_equal(counts_of(labels.transpose(2, 0, 1)[::-1]), counts_of(labels))


def test_a_mask_on_the_disk_is_counted_as_well():
    array = pytest.importorskip("dask.array")
    labels = RANDOM.integers(0, 5, (3, 10, 10), dtype=np.uint8)

    np.testing.assert_array_equal(counts_of(array.from_array(labels, chunks=2)), counts_of(labels))


def test_counting_takes_little_memory_beside_the_mask():
    labels = RANDOM.integers(0, 5, (64, 256, 256), dtype=np.uint8)
    tracemalloc.start()

    counts_of(labels)

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < labels.nbytes / 2
