"""Files with noise in their header: whatever it is, they are read, or refused by their own name."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.opening import read_volume

#: For a header of text: where the noise is, what it is, and how many bytes are gone for it.
any_noise = given(place=st.integers(0, 160), noise=st.text(max_size=12), gone=st.integers(0, 12))


def with_noise(content: bytes, place: int, noise: str, gone: int) -> bytes:
    """Return a file's bytes with noise in them."""
    return content[:place] + noise.encode("utf-8", "surrogatepass") + content[place + gone :]


def named_of(path: Path) -> str:
    """Return the file that is named where it cannot be read, else its own name."""
    try:
        read_volume(path)
    except VolumeProblem as error:
        return error.problems[0].where
    return str(path)
