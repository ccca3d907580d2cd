"""A file server on the loopback interface that breaks off, forgets how to send parts, or falls silent, as told."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What is served, and how.

    Parameters
    ----------
    address
        Of the server, to which a path is added.
    files
        By path.
    sends_parts
        Whether it answers a request for a part with that part.
    breaks_after
        Bytes after which each connection breaks; None sends all.
    seconds_between
        Between two pieces of 10 kB.
    asked
        The part that each request so far has asked for.
    """

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    sends_parts: bool = True
    breaks_after: int | None = None
    seconds_between: float = 0.0
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Server]:
    """Serve until the block is left."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    listening.daemon_threads = True
    server = Server(f"http://127.0.0.1:{listening.server_address[1]}")
    listening.server = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Server = self.server.server  # type: ignore[attr-defined]
        asked = self.headers.get("Range", "")
        server.asked.append(asked)
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404, "Not Found")
            return
        found = re.fullmatch(r"bytes=(\d+)-", asked) if server.sends_parts else None
        start = int(found[1]) if found else 0
        if found and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if found:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self._send(content[start:][: server.breaks_after], server.seconds_between)

    def _send(self, content: bytes, seconds_between: float) -> None:
        try:
            for place in range(0, len(content), 10_000):
                self.wfile.write(content[place : place + 10_000])
                time.sleep(seconds_between)
        except OSError:
            return  # the other side has had enough

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
