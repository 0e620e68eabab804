"""Asking a web server for a file: which addresses are asked, and in words why one gives nothing."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import string
import time
import urllib.request
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, cast, final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urljoin, urlsplit

TIMEOUT = 30.0  # seconds without a byte
LONGEST = 60.0  # seconds in which a byte of the file must begin to come, whatever else comes
REDIRECTS = 5
# What a server answers that may answer otherwise in a second.
PASSING = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


class Unavailable(Exception):
    """A mirror does not give the file, and would not if it were asked again."""


class Broken(Exception):
    """A mirror did not give the file this time."""


class OutOfRange(Broken):
    """A mirror does not have the bytes that it was asked for."""


@final
class _Timely(io.RawIOBase):
    """What a connection gives for some time after it is renewed: headers may come by a byte now and then, for ever."""

    def __init__(self, raw: io.RawIOBase):
        self._raw = raw
        self.renew()

    def renew(self) -> None:
        """Allow as much time again."""
        self._end = time.monotonic() + LONGEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._end:
            raise Broken(f"nothing of the file came for {LONGEST:.0f} s")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


@final
class _Answer(http.client.HTTPResponse):
    """An answer whose header, and each piece of whose content, must come in ``LONGEST`` seconds."""

    def __init__(self, sock: socket.socket, *arguments: Any, **more: Any):
        super().__init__(sock, *arguments, **more)
        self._timely = _Timely(self.fp.detach())
        self.fp = io.BufferedReader(self._timely)

    def read1(self, n: int = -1) -> bytes:
        """Return the next bytes of the file."""
        self._timely.renew()
        return super().read1(n)


@final
class _Plain(urllib.request.HTTPHandler):
    class _Connection(http.client.HTTPConnection):
        response_class = _Answer

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._Connection, req)


@final
class _Encrypted(urllib.request.HTTPSHandler):
    class _Connection(http.client.HTTPSConnection):
        response_class = _Answer

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._Connection, req)


@contextlib.contextmanager
def opened(url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """Ask for ``url``, follow where it sends on to, and yield the answer; only :func:`read` is to read it.

    Raises :class:`Unavailable` or :class:`Broken`.
    """
    opener = _opener()
    for _ in range(REDIRECTS + 1):
        _refuse_if_no_web_address(url)
        try:
            answer = opener.open(
                urllib.request.Request(url, headers={"User-Agent": "ganzoo", **headers}), None, TIMEOUT
            )
        except HTTPError as refusal:
            # Its text is not read: it need not end.
            refusal.close()
            url = _next(url, refusal)
        except URLError as problem:
            raise Unavailable(_words(problem.reason)) from problem
        except (http.client.InvalidURL, ValueError) as problem:
            raise Unavailable("its address is none") from problem
        except (OSError, http.client.HTTPException) as problem:
            raise Broken(_words(problem)) from problem
        else:
            with answer:
                yield cast(http.client.HTTPResponse, answer)
            return
    raise Unavailable(f"it sends on more than {REDIRECTS} times")


def read(answer: http.client.HTTPResponse, limit: int) -> bytes:
    """Return the next bytes, ``limit`` at most, as soon as there are any; nothing at the end.

    They are not unpacked, whatever the server says that it packed. Raises :class:`Broken`; ``OSError`` is thus
    left to mean the disk.
    """
    try:
        # A piece that is said to have less than no bytes gives more than was asked for.
        return answer.read1(limit)[:limit]
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise Broken(_words(problem)) from problem


def _opener() -> urllib.request.OpenerDirector:
    """Return what speaks http and https, through the proxies that the environment names, and nothing else.

    The usual opener would also read local files and ftp, and follow redirects there.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Plain(),
        _Encrypted(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _refuse_if_no_web_address(url: str) -> None:
    if urlsplit(url).scheme not in ("https", "http"):
        raise Unavailable(f"{url} is no web address")


def _next(url: str, refusal: HTTPError) -> str:
    """Return where an answer other than the file sends on to; raises what it says where it does not."""
    location = refusal.headers.get("Location")
    if 300 <= refusal.code < 400 and location:
        try:
            target = quote(urljoin(url, location), safe=string.punctuation, encoding="latin-1")
            scheme = urlsplit(target).scheme
        except ValueError as problem:
            raise Unavailable("it sends on to an address that is none") from problem
        if scheme not in ("https", "http"):
            raise Unavailable(f"it sends on to {target}, which is no web address")
        if urlsplit(url).scheme == "https" and scheme != "https":
            raise Unavailable(f"it sends on to {target}, which is not encrypted")
        return target
    if refusal.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise OutOfRange(_status(refusal.code))
    raise (Broken if refusal.code in PASSING else Unavailable)(_status(refusal.code))


def _status(code: int) -> str:
    """Return a status in standard words: those of a server may be anything."""
    phrase = next((status.phrase for status in HTTPStatus if status == code), "")
    return f"it answers {code} {phrase}".rstrip()


def _words(problem: object) -> str:
    match problem:
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not trusted ({problem.verify_message}); "
                "SSL_CERT_FILE can name a file of certificates to trust"
            )
        case ssl.SSLError():
            return f"no secure connection ({problem.reason or problem})"
        case TimeoutError():
            return f"nothing came for {TIMEOUT:.0f} s"
        case OSError():
            return problem.strerror or str(problem)
        case http.client.IncompleteRead():
            return "the connection was cut"
        case http.client.HTTPException():
            return f"its answer is no HTTP ({type(problem).__name__})"
        case _:
            return str(problem)
