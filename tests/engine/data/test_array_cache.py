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


def test_beyond_its_bytes_the_least_recently_used_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(array_cache, "MEMORY_BYTES", 2 * counted().nbytes, raising=False)
    cache = ArrayCache(tmp_path, "flows")
    first, second = (cache.get(name, counted) for name in ("first", "second"))
    cache.get("first", never)

    cache.get("third", counted)

    assert cache.get("first", never) is first
    read = cache.get("second", never)
    assert read is not second
    assert np.array_equal(read, counted())


def test_without_a_folder_all_are_kept(monkeypatch):
    monkeypatch.setattr(array_cache, "MEMORY_BYTES", 1, raising=False)
    cache = ArrayCache(None, "flows")
    for name in "abc":
        cache.get(name, counted)

    assert all(np.array_equal(cache.get(name, never), counted()) for name in "abc")
