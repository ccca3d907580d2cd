"""A Zarr store on a web server, read one key at a time through the standard library; what is missing has no value."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype

_SECONDS_TO_WAIT = 30.0
_MISSING = (403, 404, 410)  # some servers forbid what they do not have
_READ_ONLY = "A store on the web is read, not written."


class WebStore(Store):
    """Read-only values of ``ADDRESS/KEY``.

    Parameters
    ----------
    address
        Of the store's top, http or https.
    """

    def __init__(self, address: str) -> None:
        super().__init__(read_only=True)
        self.address = address.rstrip("/")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WebStore) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return what the server has under the key, or None where it has nothing (OSError where it does not answer)."""
        found = await asyncio.to_thread(self._fetched, key, byte_range)
        return None if found is None else prototype.buffer.from_bytes(found)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return the values of several keys."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """Return whether the server has the key."""
        return await asyncio.to_thread(self._fetched, key, RangeByteRequest(0, 1)) is not None

    @property
    def supports_writes(self) -> bool:
        """False."""
        return False

    @property
    def supports_deletes(self) -> bool:
        """False."""
        return False

    @property
    def supports_listing(self) -> bool:
        """False: a web server does not say what it has."""
        return False

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse."""
        raise OSError(_READ_ONLY)

    async def delete(self, key: str) -> None:
        """Refuse."""
        raise OSError(_READ_ONLY)

    def list(self) -> AsyncIterator[str]:
        """Refuse."""
        raise NotImplementedError

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Refuse."""
        raise NotImplementedError

    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Refuse."""
        raise NotImplementedError

    def _fetched(self, key: str, byte_range: ByteRequest | None) -> bytes | None:
        request = urllib.request.Request(f"{self.address}/{quote(key)}")
        if byte_range is not None:
            request.add_header("Range", _in_header(byte_range))
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS_TO_WAIT) as answer:
                body: bytes = answer.read()
                is_part = answer.status == 206
        except urllib.error.HTTPError as error:
            if error.code in _MISSING:
                return None
            raise
        return body if byte_range is None or is_part else _cut(body, byte_range)


def _in_header(wanted: ByteRequest) -> str:
    match wanted:
        case RangeByteRequest(start=start, end=end):
            return f"bytes={start}-{end - 1}"
        case OffsetByteRequest(offset=offset):
            return f"bytes={offset}-"
        case SuffixByteRequest(suffix=suffix):
            return f"bytes=-{suffix}"


def _cut(body: bytes, wanted: ByteRequest) -> bytes:
    """Return the part of a whole value, of a server that does not know of parts."""
    match wanted:
        case RangeByteRequest(start=start, end=end):
            return body[start:end]
        case OffsetByteRequest(offset=offset):
            return body[offset:]
        case SuffixByteRequest(suffix=suffix):
            return body[-suffix:]
