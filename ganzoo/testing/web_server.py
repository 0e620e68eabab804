"""A web server on this machine that cuts, lies, drips and never ends."""

from __future__ import annotations

import hashlib
import http.server
import re
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Any

Handler = http.server.BaseHTTPRequestHandler
Behaviour = Callable[[Handler, bytes], None]


# The server: what it does with a request


def tag_of(data: bytes) -> str:
    """Return the ETag of a file."""
    return f'"{hashlib.md5(data).hexdigest()}"'


def serve(
    handler: Handler,
    data: bytes,
    cut: int | None = None,
    claim: int = 0,
    ranges: bool = True,
    tag: str | None = None,
    keeps_to_if_range: bool = True,
    shift: int = 0,
    length: bool = True,
    encoding: str = "",
    held: Callable[[], None] = lambda: None,
) -> None:
    """Answer as a server should, but for what is named: only ``cut`` bytes, ``claim`` more promised, and so on.

    ``held`` is called when half of the body is sent; ``shift`` moves the piece that is sent for a range.
    """
    tag = tag_of(data) if tag is None else tag
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    same = not keeps_to_if_range or handler.headers.get("If-Range", tag) == tag
    start = int(asked[1]) if asked and ranges and same else 0
    if start and start >= len(data):
        refuse(handler, data, 416)
        return
    start = max(start - shift, 0)
    body = data[start:]
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    if length:
        handler.send_header("Content-Length", str(len(body) + claim))
    if tag:
        handler.send_header("ETag", tag)
    if encoding:
        handler.send_header("Content-Encoding", encoding)
    handler.end_headers()
    body = body[:cut]
    half = len(body) // 2
    handler.wfile.write(body[:half])
    held()
    handler.wfile.write(body[half:])


def refuse(handler: Handler, data: bytes, code: int = 404) -> None:
    """Answer with an error."""
    handler.send_error(code)


def redirect(handler: Handler, data: bytes, to: str | None, code: int = 302) -> None:
    """Answer with another address, or with none."""
    handler.send_response(code)
    if to is not None:
        handler.send_header("Location", to)
    handler.end_headers()


def endless(handler: Handler, data: bytes, code: int = 200, to: str = "") -> None:
    """Send zeros without end."""
    handler.send_response(code)
    if to:
        handler.send_header("Location", to)
    handler.end_headers()
    while True:
        handler.wfile.write(data)


def chunked(handler: Handler, data: bytes, pieces: int = 10) -> None:
    """Send a tenth of the body at a time, and no end where it is fewer than ten."""
    start = int(handler.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
    handler.send_response(206 if start else 200)
    handler.send_header("Transfer-Encoding", "chunked")
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/*")
    handler.end_headers()
    size = -(-len(data) // 10)
    for place in range(start, len(data), size)[:pieces]:
        piece = data[place : place + size]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    if pieces == 10:
        handler.wfile.write(b"0\r\n\r\n")


def drip(handler: Handler, data: bytes, after: int) -> None:
    """Send a byte at a time after ``after`` bytes."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[:after])
    for place in range(after, after + 100):
        handler.wfile.write(data[place : place + 1])
        time.sleep(0.02)


def stall(handler: Handler, data: bytes, after: int) -> None:
    """Send ``after`` bytes, and then nothing while the connection stays open."""
    serve(handler, data, cut=after)
    time.sleep(1)


def nothing(handler: Handler, data: bytes) -> None:
    """Hang up without an answer."""


def nonsense(handler: Handler, data: bytes) -> None:
    """Answer in another protocol."""
    handler.wfile.write(b"220 ftp ready\r\n")


def backwards(handler: Handler, data: bytes) -> None:
    """Say that a piece has less than no bytes."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"3\r\nabc\r\n-ffffff\r\n" + data)


def more(handler: Handler, data: bytes, begin: bytes, again: bytes) -> None:
    """Send what is not of the file, for ever."""
    handler.wfile.write(begin)
    while True:
        handler.wfile.write(again)


def cut(after: int) -> Behaviour:
    """Return a behaviour that ends after ``after`` bytes."""
    return partial(serve, cut=after)


class Server:
    """A web server on this machine: gives what is in ``files``, in the ways that ``script`` lists by path.

    What it did with a path and its ``Range`` is in ``asked``; a script that is used up leaves ``usually``.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.script: dict[str, deque[Behaviour]] = defaultdict(deque)
        self.usually: Behaviour = serve
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Range", "")))
                outer.headers.append(dict(self.headers))
                script = outer.script[self.path]
                behaviour = script.popleft() if script else outer.usually
                data = outer.files.get(self.path)
                try:
                    (refuse if data is None and behaviour is outer.usually else behaviour)(self, data or b"")
                except OSError:  # they have hung up
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Whoever does not trust the certificate hangs up."""

        self._listener = Listener(("127.0.0.1", 0), Handler)
        if context is not None:
            self._listener.socket = context.wrap_socket(
                self._listener.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if context is None else "https"
        self.address = f"{scheme}://127.0.0.1:{self._listener.server_address[1]}/"
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop the server."""
        self._listener.shutdown()
        self._listener.server_close()


def ranges(server: Server) -> list[str]:
    """Return the ``Range`` of every request, in order."""
    return [asked for _, asked in server.asked]
