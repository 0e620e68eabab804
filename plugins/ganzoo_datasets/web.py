"""HTTP requests for a file: allowed addresses and redirects, deadlines, and the reason of a failure in words.

Own code rather than requests, which pooch uses: its redirects may leave https, its timeout never ends a slow response,
and it decompresses what the server calls compressed.
"""

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
LONGEST = 60.0  # seconds within which the next bytes of the file must arrive, whatever else does
REDIRECTS = 5
# Statuses after which another attempt may succeed.
TEMPORARY = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


class Unavailable(Exception):
    """A mirror does not deliver the file, and another attempt would not help."""


class TransferError(Exception):
    """A mirror did not deliver the file this time."""


class OutOfRange(TransferError):
    """A mirror does not have the requested bytes."""


@final
class _Timely(io.RawIOBase):
    """A connection with a deadline that can be renewed: headers may arrive byte by byte without end."""

    def __init__(self, raw: io.RawIOBase):
        self._raw = raw
        self.renew()

    def renew(self) -> None:
        """Set the deadline ``LONGEST`` seconds from now."""
        self._end = time.monotonic() + LONGEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._end:
            raise TransferError(f"no bytes of the file arrived for {LONGEST:.0f} s")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


@final
class _Response(http.client.HTTPResponse):
    """A response whose header, and each piece of its content, must arrive within ``LONGEST`` seconds."""

    def __init__(self, sock: socket.socket, *arguments: Any, **more: Any):
        super().__init__(sock, *arguments, **more)
        self._timely = _Timely(self.fp.detach())
        self.fp = io.BufferedReader(self._timely)

    def read1(self, n: int = -1) -> bytes:
        """Return the next bytes of the file."""
        self._timely.renew()
        return super().read1(n)


@final
class _HTTPHandler(urllib.request.HTTPHandler):
    class _Connection(http.client.HTTPConnection):
        response_class = _Response

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._Connection, req)


@final
class _HTTPSHandler(urllib.request.HTTPSHandler):
    class _Connection(http.client.HTTPSConnection):
        response_class = _Response

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._Connection, req)


@contextlib.contextmanager
def open_url(url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """Request ``url``, follow its redirects, and yield the response, which only :func:`read` may read.

    Raises :class:`Unavailable` or :class:`TransferError`.
    """
    opener = _opener()
    for _ in range(REDIRECTS + 1):
        _refuse_other_schemes(url)
        try:
            response = opener.open(
                urllib.request.Request(url, headers={"User-Agent": "ganzoo", **headers}), None, TIMEOUT
            )
        except HTTPError as refusal:
            # Its text is not read, as it may have no end.
            refusal.close()
            url = _redirected(url, refusal)
        except URLError as problem:
            raise Unavailable(_describe(problem.reason)) from problem
        except (http.client.InvalidURL, ValueError) as problem:
            raise Unavailable("its address is invalid") from problem
        except (OSError, http.client.HTTPException) as problem:
            raise TransferError(_describe(problem)) from problem
        else:
            with response:
                yield cast(http.client.HTTPResponse, response)
            return
    raise Unavailable(f"it redirects more than {REDIRECTS} times")


def read(response: http.client.HTTPResponse, limit: int) -> bytes:
    """Return the next bytes, at most ``limit``, as soon as there are any; nothing at the end.

    They are not decompressed, whatever the server declares. Raises :class:`TransferError`, so that an ``OSError`` is
    always one of the disk.
    """
    try:
        # A chunk with a negative declared size returns more than requested.
        return response.read1(limit)[:limit]
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise TransferError(_describe(problem)) from problem


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener for http and https only, through the proxies that the environment names.

    The default opener would also read local files and ftp, and follow redirects to them.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _HTTPHandler(),
        _HTTPSHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _refuse_other_schemes(url: str) -> None:
    if urlsplit(url).scheme not in ("https", "http"):
        raise Unavailable(f"{url} is not a web address")


def _redirected(url: str, refusal: HTTPError) -> str:
    """Return the target of a redirect; raises for any other response without the file."""
    location = refusal.headers.get("Location")
    if 300 <= refusal.code < 400 and location:
        try:
            target = quote(urljoin(url, location), safe=string.punctuation, encoding="latin-1")
            scheme = urlsplit(target).scheme
        except ValueError as problem:
            raise Unavailable("it redirects to an invalid address") from problem
        if scheme not in ("https", "http"):
            raise Unavailable(f"it redirects to {target}, which is not a web address")
        if urlsplit(url).scheme == "https" and scheme != "https":
            raise Unavailable(f"it redirects to {target}, which is not encrypted")
        return target
    if refusal.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise OutOfRange(_status(refusal.code))
    raise (TransferError if refusal.code in TEMPORARY else Unavailable)(_status(refusal.code))


def _status(code: int) -> str:
    """Return a status with its standard phrase, since a server's phrase may contain anything."""
    phrase = next((status.phrase for status in HTTPStatus if status == code), "")
    return f"it answers {code} {phrase}".rstrip()


def _describe(problem: object) -> str:
    match problem:
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not trusted ({problem.verify_message}); "
                "SSL_CERT_FILE may name a file of trusted certificates"
            )
        case ssl.SSLError():
            return f"no secure connection ({problem.reason or problem})"
        case TimeoutError():
            return f"no bytes arrived for {TIMEOUT:.0f} s"
        case OSError():
            return problem.strerror or str(problem)
        case http.client.IncompleteRead():
            return "the connection was closed"
        case http.client.HTTPException():
            return f"its response is not HTTP ({type(problem).__name__})"
        case _:
            return str(problem)
