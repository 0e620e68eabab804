"""Who may ask the server: the page whose address the terminal shows, and nobody else."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from ganzoo.errors import UserError
from ganzoo.explore.server import ADDRESS, MAX_BODY, Server
from ganzoo.explore.site import Answer


def respond(method: str, path: str, content: bytes) -> Answer:
    if path == "wrong":
        raise UserError("this is <wrong>")
    if path == "broken":
        raise RuntimeError("a network broke")
    return Answer(f"{method} {path} {content.decode()} {threading.current_thread().name}".encode(), "text/plain")


@contextmanager
def served() -> Iterator[Server]:
    server = Server(respond)
    worker = threading.Thread(target=server.serve, name="worker")
    worker.start()
    try:
        yield server
    finally:
        server.end()
        worker.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as one:
        yield one


def asked(
    server: Server, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, str, http.client.HTTPMessage]:
    """Return status, text and headers of the answer to a request for ``path`` behind the token."""
    port = urlsplit(server.url).port
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=10)
    named = {name.replace("_", "-"): value.replace("PORT", str(port)) for name, value in headers.items()}
    connection._encode_request = lambda request: request.encode("utf-8")  # type: ignore[attr-defined]
    connection.request(method, path.replace("TOKEN", server.token), body, named)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def test_a_question_is_answered_by_the_thread_that_serves(server: Server) -> None:
    assert asked(server, "/TOKEN/1/0/")[:2] == (HTTPStatus.OK, "GET 1/0/  worker")
    assert asked(server, "/TOKEN/1/0/picture?x=1", "POST", b"{}")[1] == "POST 1/0/picture {} worker"


@pytest.mark.parametrize("path", ["/", "/x/", "/TOKENx/", "/TOKE", "/%54OKEN/", "/é/", "*"])
def test_an_address_without_the_token_is_refused(path: str, server: Server) -> None:
    status, text, _ = asked(server, path)
    assert status == HTTPStatus.FORBIDDEN and server.token not in text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "", "127.0.0.1.:PORT"]
)
def test_another_name_of_this_machine_is_refused(host: str, server: Server) -> None:
    assert asked(server, "/TOKEN/", Host=host)[0] == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:PORT", "http://127.0.0.1:1"])
def test_another_site_is_refused(origin: str, server: Server) -> None:
    assert asked(server, "/TOKEN/1/0/picture", "POST", b"{}", Origin=origin)[0] == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("name", ["127.0.0.1:PORT", "localhost:PORT"])
def test_its_own_pages_are_answered(name: str, server: Server) -> None:
    assert asked(server, "/TOKEN/", Host=name, Origin=f"http://{name}")[0] == HTTPStatus.OK


@pytest.mark.parametrize("length", ["-1", "x", "9" * 30, str(MAX_BODY + 1), "²".encode().decode("latin-1")])
def test_a_length_that_is_none_is_refused(length: str, server: Server) -> None:
    assert asked(server, "/TOKEN/", "POST", None, Content_Length=length)[0] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("path", ["/TOKEN/", "/TOKEN/wrong", "/TOKEN/broken", "/"])
def test_every_answer_lets_a_browser_run_nothing_else(path: str, server: Server) -> None:
    headers = asked(server, path)[2]
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert "Access-Control-Allow-Origin" not in headers


def test_other_methods_are_refused(server: Server) -> None:
    assert asked(server, "/TOKEN/", "PUT")[0] == HTTPStatus.NOT_IMPLEMENTED


def test_a_problem_is_told_and_the_next_question_answered(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(server, "/TOKEN/wrong")[:2] == (HTTPStatus.BAD_REQUEST, "this is <wrong>")
    status, text, headers = asked(server, "/TOKEN/broken")
    assert (status, text) == (HTTPStatus.INTERNAL_SERVER_ERROR, "failed: a network broke")
    assert headers["Content-Type"].startswith("text/plain")
    assert "a network broke" in capsys.readouterr().err
    assert asked(server, "/TOKEN/")[0] == HTTPStatus.OK


def test_only_this_machine_can_connect(server: Server) -> None:
    assert urlsplit(server.url).hostname == "127.0.0.1"
    assert server._listener.server_address[0] == "127.0.0.1"


def test_every_server_has_another_token_and_the_end_frees_the_port() -> None:
    with served() as first, served() as second:
        assert first.token != second.token and min(len(first.token), len(second.token)) >= 20
        port = urlsplit(first.url).port or 0
        with pytest.raises(UserError, match=f"port {port} cannot be used"):
            Server(respond, port)
    with pytest.raises(ConnectionRefusedError):
        asked(first, "/TOKEN/")


CODE = """
import sys, time
from ganzoo.errors import Interrupted
from ganzoo.explore.server import Server
from ganzoo.signals import interruptible

def respond(*question):
    print("asked", flush=True)
    time.sleep(60)

server = Server(respond)
print(server.url, flush=True)
try:
    with interruptible():
        server.serve()
except Interrupted as stop:
    sys.exit(stop.number)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_signal_ends_what_is_computed_at_once() -> None:
    started = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    url = urlsplit(started.stdout.readline().strip())
    with socket.create_connection((ADDRESS, url.port or 0)) as browser:
        browser.sendall(f"GET {url.path} HTTP/1.0\r\nHost: {url.netloc}\r\n\r\n".encode())
        assert started.stdout.readline().strip() == "asked"
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=30)
    assert (started.returncode, err) == (signal.SIGINT, "")
