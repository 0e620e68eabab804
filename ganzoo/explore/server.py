"""A web server for one person on this machine: no other site can ask it anything, and the main thread does the work."""

from __future__ import annotations

import http.server
import queue
import secrets
import socketserver
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import final

from ganzoo.errors import UserError
from ganzoo.explore.site import Answer
from ganzoo.text import message_of, warn

ADDRESS = "127.0.0.1"
MAX_BODY = 2**25  # bytes; an image is smaller
PATIENCE = 30  # seconds that a browser may take to send a question
# Only files of this server, and pictures that it made: no other site is asked, and no text becomes code.
POLICY = (
    "default-src 'none'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Respond = Callable[[str, str, bytes], Answer]


@dataclass(frozen=True)
class _Question:
    method: str
    path: str
    content: bytes
    answer: Future[Answer] = field(default_factory=Future)


@final
class Server:
    """Listens on a ``port`` of this machine alone, 0 for any free one; ``respond`` answers what is asked.

    An address is only good with the ``token`` in it, which nobody can guess. So neither another site in the same
    browser nor another user of the machine can ask. Raises :class:`UserError` if the port is taken.
    """

    def __init__(self, respond: Respond, port: int = 0):
        self.token = secrets.token_urlsafe(16)
        self._respond = respond
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._ended = threading.Event()
        try:
            self._listener = _Listener((ADDRESS, port), _Handler)
        except OSError as problem:
            reason = problem.strerror or problem
            raise UserError(
                f"port {port} cannot be used: {reason}; choose another --port, or leave it out"
            ) from problem
        self._listener.ask, self._listener.token = self._ask, self.token

    @property
    def url(self) -> str:
        """The address of the first page."""
        return f"http://{ADDRESS}:{self._listener.server_port}/{self.token}/"

    def serve(self) -> None:
        """Answer questions until a signal or :meth:`end` ends it."""
        listening = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        listening.start()
        try:
            while not self._ended.is_set():
                self._answer_next()
        finally:
            self._listener.shutdown()
            self._listener.server_close()

    def end(self) -> None:
        """End it, from another thread."""
        self._ended.set()

    def _answer_next(self) -> None:
        """Answer one question in this thread, so that a signal ends what is computed for it."""
        try:
            question = self._questions.get(timeout=0.2)  # on Windows, no signal ends a wait
        except queue.Empty:
            return
        question.answer.set_result(self._answer(question))

    def _answer(self, question: _Question) -> Answer:
        try:
            return self._respond(question.method, question.path, question.content)
        except UserError as problem:
            return _told(message_of(problem), HTTPStatus.BAD_REQUEST)
        except Exception as problem:  # a network may raise anything; the next question may be a better one
            warn(f"a question of the page failed: {message_of(problem)}")
            return _told(f"failed: {message_of(problem)}", HTTPStatus.INTERNAL_SERVER_ERROR)

    def _ask(self, method: str, path: str, content: bytes) -> Answer:
        question = _Question(method, path, content)
        self._questions.put(question)
        return question.answer.result()


def _told(text: str, status: HTTPStatus) -> Answer:
    return Answer(text.encode("utf-8", "replace"), "text/plain", status)


class _Listener(http.server.ThreadingHTTPServer):
    """A thread for each connection, as browsers open some that they never use; none of them computes anything."""

    daemon_threads = True
    allow_reuse_address = False
    ask: Respond
    token: str

    def server_bind(self) -> None:
        """Bind to the port, without asking the network for a name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]


class _Handler(http.server.BaseHTTPRequestHandler):
    """Refuses whoever does not know the token or asks under another name, and hands on what the others ask."""

    server: _Listener
    server_version, sys_version = "ganzoo", ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        """Answer a request for a page."""
        self._handle()

    def do_POST(self) -> None:
        """Answer a question of a page."""
        self._handle()

    def _handle(self) -> None:
        refused = self._refusal()
        answer = _told(refused, HTTPStatus.FORBIDDEN) if refused else self._asked()
        self.send_response(answer.status)
        self.send_header("Content-Type", f"{answer.type}; charset=utf-8")
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def _refusal(self) -> str:
        """Return why the request is refused, or nothing."""
        port = self.server.server_port
        names = {f"{ADDRESS}:{port}", f"localhost:{port}"}
        # A site whose name leads to this machine has that name here.
        if self.headers.get("Host") not in names:
            return "this server is for this machine"
        origin = self.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in names:
            return "this server is for its own pages"
        token = self.path.split("/")[1] if self.path.startswith("/") else ""
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return "this address is not complete: take the one that ganzoo explore shows"
        return ""

    def _asked(self) -> Answer:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal() and len(length) < 10 and int(length) <= MAX_BODY):
            return _told(f"at most {MAX_BODY:,} bytes are read", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        content = self.rfile.read(int(length))
        path = self.path.split("?", 1)[0].split("/", 2)
        return self.server.ask(self.command, path[2] if len(path) > 2 else "-", content)

    def end_headers(self) -> None:
        """End the headers of an answer, with those that every answer has."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing: the terminal is for what the person did."""
