import numpy as np
import pytest

from napari_medkd.engine.data import array_cache
from napari_medkd.engine.data.array_cache import ArrayCache

pytestmark = pytest.mark.engine


def never():
    pytest.fail("The array was computed again.")


def counted():
    return np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize("on_disk", [True, False])
def test_an_array_is_computed_once(on_disk, tmp_path):
    cache = ArrayCache(tmp_path if on_disk else None, "flows")

    cache.get("a~b", counted)

    assert np.array_equal(cache.get("a~b", never), counted())


def test_another_process_finds_what_was_computed(tmp_path):
    ArrayCache(tmp_path, "flows").get("a~b", counted)

    assert np.array_equal(ArrayCache(tmp_path, "flows").get("a~b", never), counted())


def test_another_key_is_another_array(tmp_path):
    ArrayCache(tmp_path, "first").get("a", lambda: np.zeros(2))

    assert ArrayCache(tmp_path, "second").get("a", lambda: np.ones(2)).tolist() == [1, 1]


@pytest.mark.parametrize("damage", ["chunk gone", "chunk cut", "description cut"])
def test_what_a_crash_tore_is_computed_again(damage, tmp_path):
    ArrayCache(tmp_path, "flows").get("a", counted)
    (array,) = (path for path in tmp_path.rglob("a") if path.is_dir())
    (chunk,) = (path for path in array.rglob("*") if path.is_file() and path.name != "zarr.json")
    match damage:
        case "chunk gone":
            chunk.unlink()
        case "chunk cut":
            chunk.write_bytes(chunk.read_bytes()[:5])
        case "description cut":
            (array / "zarr.json").write_text("{")

    assert np.array_equal(ArrayCache(tmp_path, "flows").get("a", counted), counted())


def test_beyond_its_bytes_arrays_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(array_cache, "MEMORY_BYTES", counted().nbytes)
    cache = ArrayCache(tmp_path, "flows")
    first, second = (cache.get(name, counted) for name in ("first", "second"))

    assert np.shares_memory(cache.get("first", never), first)
    read = cache.get("second", never)
    assert not np.shares_memory(read, second)
    assert np.array_equal(read, counted())


def large():
    return np.arange(2 * 8 * 8 * 8, dtype=np.float32).reshape(2, 8, 8, 8)


@pytest.fixture(params=["memory", "disk"])
def room(request, monkeypatch):
    if request.param == "disk":
        monkeypatch.setattr(array_cache, "MEMORY_BYTES", 0)


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("is_known", [True, False])
def test_a_part_is_that_of_the_whole(is_known, tmp_path):
    where = (slice(None), slice(1, 6), slice(0, 3), slice(5, 8))
    if is_known:
        ArrayCache(tmp_path, "masks", (2, 4, 4, 4)).get("a", large)
    cache = ArrayCache(tmp_path, "masks", (2, 4, 4, 4))

    first, second = cache.get("a", never if is_known else large, where), cache.get("a", never, where)

    assert np.array_equal(first, large()[where])
    assert np.array_equal(second, large()[where])


def test_of_an_array_beyond_memory_only_blocks_that_hold_what_is_wanted_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(array_cache, "MEMORY_BYTES", 0)
    ArrayCache(tmp_path, "masks", (2, 4, 4, 4)).get("a", large)
    blocks = [path for path in tmp_path.rglob("c/**/*") if path.is_file()]
    (last,) = tmp_path.rglob("c/0/1/1/1")
    last.write_bytes(last.read_bytes()[:5])
    here, there = ((slice(None), *[slice(start, start + 4)] * 3) for start in (0, 4))
    cache = ArrayCache(tmp_path, "masks", (2, 4, 4, 4))

    assert len(blocks) == 8
    assert np.array_equal(cache.get("a", never, here), large()[here])
    assert np.array_equal(cache.get("a", large, there), large()[there])
    assert np.array_equal(cache.get("a", never, there), large()[there])


def test_without_a_folder_all_are_kept(monkeypatch):
    monkeypatch.setattr(array_cache, "MEMORY_BYTES", 1)
    cache = ArrayCache(None, "flows")
    for name in "abc":
        cache.get(name, counted)

    assert all(np.array_equal(cache.get(name, never), counted()) for name in "abc")
