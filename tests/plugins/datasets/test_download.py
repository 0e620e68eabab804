"""Downloads, from a server that cuts, lies, drips and never ends: whole and right, or not accepted."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import os
import pty
import random
import re
import resource
import ssl
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path

import pytest

from ganzoo.errors import UserError
from ganzoo.testing.web_server import (
    Behaviour,
    Handler,
    Server,
    backwards,
    chunked,
    cut,
    drip,
    endless,
    more,
    nonsense,
    nothing,
    ranges,
    redirect,
    refuse,
    serve,
    stall,
    tag_of,
)
from ganzoo_datasets import download, transfer, web
from ganzoo_datasets.files import LOCK, replacing, save_unpacked
from ganzoo_datasets.sources import Archive, Source

NAME = "numbers.bin"
DATA = random.Random(0).randbytes(600_000)
OTHER = random.Random(1).randbytes(len(DATA))
GARBAGE = random.Random(2).randbytes


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(transfer, "PAUSE", 0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def served(server: Server, *paths: str, name: str = NAME, data: bytes = DATA) -> Source:
    """A dataset of one file that the server has, on a mirror for each of ``paths``."""
    server.files |= {f"/{path}{name}": data for path in paths or ("",)}
    mirrors = tuple(server.address + path for path in paths or ("",))
    return Source("Numbers", "numbers/raw", mirrors, {name: Archive(len(data), hashlib.md5(data).hexdigest())})


def fetch(source: Source, root: Path) -> bytes:
    (name,) = source.archives
    download.fetch(source, [name], root)
    return (source.folder_in(root) / name).read_bytes()


def part_of(root: Path, name: str = NAME) -> Path:
    return root / "numbers" / "raw" / f".{name}.part"


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir() and path.name != LOCK]


# Cut transfers go on


@pytest.mark.parametrize("cuts", [[0], [1], [1000, 1], [2**18], [2**18 + 1, 0, 5], [len(DATA) - 1]], ids=str)
def test_a_cut_transfer_goes_on_where_it_was(cuts: list[int], server: Server, tmp_path: Path) -> None:
    source = served(server)
    server.script[f"/{NAME}"].extend(cut(after) for after in cuts)
    assert fetch(source, tmp_path) == DATA
    offsets = list(itertools.accumulate(cuts))
    assert ranges(server) == ["", *(f"bytes={offset}-" if offset else "" for offset in offsets)]
    assert leftovers(tmp_path) == [source.folder_in(tmp_path) / NAME]


def test_a_chunked_transfer_goes_on_as_well(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.usually = partial(chunked, pieces=3)
    assert fetch(served(server), tmp_path) == DATA
    assert ranges(server) == ["", "bytes=180000-", "bytes=360000-", "bytes=540000-"]
    assert "the connection was closed; trying again" in capsys.readouterr().err


def test_what_came_of_a_cut_transfer_is_kept_for_the_next_start(server: Server, tmp_path: Path) -> None:
    source = served(server)
    server.script[f"/{NAME}"].extend([cut(50_000)] * transfer.TRIES)
    with pytest.raises(UserError, match=f"250000 of {len(DATA)} bytes; 250000 bytes of {NAME} are kept") as caught:
        fetch(source, tmp_path)
    assert "\n" not in str(caught.value)
    assert part_of(tmp_path).read_bytes() == DATA[:250_000]
    server.asked.clear()
    assert fetch(source, tmp_path) == DATA
    assert ranges(server) == ["bytes=250000-"]
    assert server.headers[-1]["If-Range"] == tag_of(DATA)
    assert leftovers(tmp_path) == [source.folder_in(tmp_path) / NAME]


def test_tries_that_bring_much_are_not_counted(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "LITTLE", 50_000)
    server.usually = cut(50_000)
    assert fetch(served(server), tmp_path) == DATA
    assert len(server.asked) == len(DATA) // 50_000


def test_tries_end_though_each_begins_anew(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "LITTLE", 1000)
    lengths = itertools.cycle([2000, 5000])
    server.usually = lambda handler, data: serve(handler, data, cut=next(lengths), ranges=False)
    with pytest.raises(UserError, match="the connection was closed after"):
        fetch(served(server), tmp_path)
    assert len(server.asked) <= 3 * transfer.TRIES


def test_the_next_mirror_goes_on_with_what_came_from_the_first(server: Server, tmp_path: Path) -> None:
    source = served(server, "one/", "two/")
    server.script[f"/one/{NAME}"].extend([cut(1000)] * transfer.TRIES)
    assert fetch(source, tmp_path) == DATA
    assert server.asked[-1] == (f"/two/{NAME}", f"bytes={1000 * transfer.TRIES}-")
    assert "If-Range" not in server.headers[-1]


def test_a_mirror_is_not_blamed_for_what_came_from_another(server: Server, tmp_path: Path) -> None:
    source = served(server, "one/", "two/")
    server.files[f"/one/{NAME}"] = OTHER
    server.script[f"/one/{NAME}"].extend([cut(1000)] * transfer.TRIES)
    assert fetch(source, tmp_path) == DATA
    assert [path for path, _ in server.asked[-2:]] == [f"/two/{NAME}"] * 2
    assert ranges(server)[-2:] == [f"bytes={1000 * transfer.TRIES}-", ""]


@pytest.mark.parametrize("keeps_to_if_range", [True, False])
def test_a_file_that_has_changed_meanwhile_is_begun_anew(
    keeps_to_if_range: bool, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = served(server)
    server.script[f"/{NAME}"].append(lambda handler, _: serve(handler, OTHER, cut=2000))
    server.usually = partial(serve, keeps_to_if_range=keeps_to_if_range)
    assert fetch(source, tmp_path) == DATA
    assert server.headers[1]["If-Range"] == tag_of(OTHER)
    assert ranges(server) == (["", "bytes=2000-"] if keeps_to_if_range else ["", "bytes=2000-", ""])
    # Seen by the tag, before anything came, and not by the hash in the end.
    assert ("it sends other bytes than requested" in capsys.readouterr().err) == (not keeps_to_if_range)


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_tag_that_names_bytes_the_hash_decides(tag: str, server: Server, tmp_path: Path) -> None:
    source = served(server)
    server.usually = partial(serve, tag=tag)
    server.script[f"/{NAME}"].append(lambda handler, _: serve(handler, OTHER, cut=2000, tag=tag))
    assert fetch(source, tmp_path) == DATA
    assert not any("If-Range" in headers for headers in server.headers)
    assert ranges(server) == ["", "bytes=2000-", ""]


def unplaced(handler: Handler, data: bytes) -> None:
    """Answer with bytes that may belong anywhere."""
    handler.send_response(206)
    handler.send_header("Content-Type", "multipart/byteranges; boundary=x")
    handler.end_headers()
    handler.wfile.write(GARBAGE(len(data)))


BEGUN_ANEW: dict[str, tuple[Behaviour, str]] = {
    "ignores the range": (partial(serve, ranges=False), ""),
    "has no such range": (partial(refuse, code=416), "it answers 416 Requested Range Not Satisfiable; trying again"),
    "another piece": (partial(serve, shift=7), "it sends other bytes than requested; trying again"),
    "no place told": (unplaced, "it does not say which bytes it sends; trying again"),
}


@pytest.mark.parametrize("case", BEGUN_ANEW)
def test_a_server_that_cannot_go_on_begins_anew(
    case: str, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    behaviour, said = BEGUN_ANEW[case]
    server.script[f"/{NAME}"].extend([cut(2000), behaviour])
    assert fetch(served(server), tmp_path) == DATA
    assert ranges(server) == ["", "bytes=2000-", ""][: 3 if said else 2]
    assert said in capsys.readouterr().err


PARTS = {
    "nothing": b"",
    "the beginning": DATA[:1000],
    "garbage": GARBAGE(1000),
    "garbage as long": GARBAGE(len(DATA)),
    "longer garbage": GARBAGE(len(DATA) + 1),
    "longer": DATA + b"x",
    "all": DATA,
}


@pytest.mark.parametrize("note", [None, b"", b"\xff\0\n\n", b"http://elsewhere/\nx"])
@pytest.mark.parametrize("found", PARTS)
def test_whatever_a_part_holds_the_file_is_right(
    found: str, note: bytes | None, server: Server, tmp_path: Path
) -> None:
    source = served(server)
    source.folder_in(tmp_path).mkdir(parents=True)
    part_of(tmp_path).write_bytes(PARTS[found])
    if note is not None:
        part_of(tmp_path).with_name(f".{NAME}.part.source").write_bytes(note)
    assert fetch(source, tmp_path) == DATA
    assert leftovers(tmp_path) == [source.folder_in(tmp_path) / NAME]
    assert len(server.asked) == {"all": 0, "garbage": 2}.get(found, 1)


def test_an_edition_that_no_server_can_have_told_is_not_sent(server: Server, tmp_path: Path) -> None:
    source = served(server)
    source.folder_in(tmp_path).mkdir(parents=True)
    part_of(tmp_path).write_bytes(DATA[:1000])
    part_of(tmp_path).with_name(f".{NAME}.part.source").write_text(f'{server.address}{NAME}\n"\x1b"')
    assert fetch(source, tmp_path) == DATA
    assert ranges(server) == ["bytes=1000-"]
    assert "If-Range" not in server.headers[0]


def test_a_part_is_empty_before_it_is_said_where_from_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = transfer.PartialFile(tmp_path / NAME)
    part.start("http://one/", '"edition"')
    part.path.write_bytes(DATA)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "open", killed)
    with pytest.raises(KeyboardInterrupt):
        part.start("http://two/", "")
    monkeypatch.undo()
    assert part.size == 0


# Wrong files are not accepted


def test_a_wrong_file_is_fetched_once_more_and_not_kept(server: Server, tmp_path: Path) -> None:
    source = served(server)
    server.files[f"/{NAME}"] = OTHER
    with pytest.raises(UserError, match=f"md5 of the file is {hashlib.md5(OTHER).hexdigest()}, not"):
        fetch(source, tmp_path)
    assert ranges(server) == ["", ""]
    assert leftovers(tmp_path) == []


def test_a_file_that_is_wrong_once_is_accepted_when_it_is_right(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = served(server)
    server.script[f"/{NAME}"].append(lambda handler, _: serve(handler, OTHER))
    assert fetch(source, tmp_path) == DATA
    assert ranges(server) == ["", ""]
    assert capsys.readouterr().err.count("it is not the published file") == 1


WRONG: dict[str, tuple[Behaviour, str]] = {
    "a longer file": (lambda handler, data: serve(handler, data + b"x"), "has 600001 bytes, not 600000"),
    "a shorter file": (lambda handler, data: serve(handler, data[1:]), "has 599999 bytes, not 600000"),
    "an empty file": (lambda handler, _: serve(handler, b""), "has 0 bytes, not 600000"),
    "a length too large": (partial(serve, claim=9), "has 600009 bytes"),
    "a length too small": (partial(serve, claim=-9), "has 599991 bytes"),
    "no length and too little": (partial(serve, length=False, cut=9), "closed after 45 of 600000 bytes"),
    "no length and no end": (lambda handler, _: endless(handler, OTHER), "the md5 of the file is"),
    "packed": (lambda handler, data: serve(handler, gzip.compress(data), encoding="gzip"), "bytes, not 600000"),
    "pieces of less than nothing": (backwards, "the md5 of the file is"),
    "404": (refuse, "it answers 404 Not Found"),
    "always 416": (partial(refuse, code=416), "it answers 416"),
    "always 503": (partial(refuse, code=503), "it answers 503 Service Unavailable"),
    "204": (partial(refuse, code=204), "it answers 204"),
    "no answer": (nothing, "Remote end closed connection"),
    "no HTTP": (nonsense, r"its response is not HTTP \(BadStatusLine\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_the_file_is_told_and_the_next_mirror_asked(case: str, server: Server, tmp_path: Path) -> None:
    behaviour, message = WRONG[case]
    source = served(server, "one/", "two/")
    server.script[f"/one/{NAME}"].extend([behaviour] * 99)
    with pytest.raises(UserError, match=message) as caught:
        fetch(replace(source, mirrors=source.mirrors[:1]), tmp_path)
    assert "\n" not in str(caught.value)
    assert not (source.folder_in(tmp_path) / NAME).exists()
    assert len(server.asked) <= 2 * transfer.TRIES
    assert fetch(source, tmp_path) == DATA


@pytest.mark.parametrize("code", web.TEMPORARY)
def test_a_server_that_is_busy_is_asked_again(code: HTTPStatus, server: Server, tmp_path: Path) -> None:
    server.script[f"/{NAME}"].append(partial(refuse, code=code))
    assert fetch(served(server), tmp_path) == DATA


@pytest.mark.parametrize(
    "behaviour",
    [partial(serve, length=False), chunked, partial(serve, encoding="gzip"), endless],
    ids=["no length", "chunked", "labelled", "on"],
)
def test_the_right_bytes_are_accepted_however_they_come(behaviour: Behaviour, server: Server, tmp_path: Path) -> None:
    """Without a length; labelled as packed, as some servers label any .gz; and with more after them."""
    server.usually = behaviour
    assert fetch(served(server), tmp_path) == DATA


@pytest.mark.parametrize("after", [0, transfer.SLOWEST])
def test_a_server_that_drips_is_left_and_what_came_is_gone_on_with(
    after: int, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "WINDOW", 0.2)
    source = served(server, "one/", "two/")
    server.script[f"/one/{NAME}"].append(partial(drip, after=after))
    assert fetch(source, tmp_path) == DATA
    assert [path for path, _ in server.asked] == [f"/one/{NAME}", f"/two/{NAME}"]
    assert after < int(ranges(server)[1].removeprefix("bytes=").removesuffix("-")) < after + 100
    monkeypatch.undo()
    assert transfer.WINDOW <= 60


def test_a_server_that_falls_silent_is_asked_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(web, "TIMEOUT", 0.2)
    server.script[f"/{NAME}"].append(partial(stall, after=5000))
    assert fetch(served(server), tmp_path) == DATA
    assert ranges(server) == ["", "bytes=5000-"]
    assert "no bytes arrived for 0 s; trying again" in capsys.readouterr().err


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "again"),
    [(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (CHUNKED + b"0\r\n", b"X: y\r\n")],
    ids=["interim answers", "trailers"],
)
def test_a_server_that_sends_all_but_the_file_is_left(
    begin: bytes, again: bytes, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "LONGEST", 0.05)
    source = served(server, "one/", "two/")
    server.script[f"/one/{NAME}"].extend([partial(more, begin=begin, again=again)] * transfer.TRIES)
    assert fetch(source, tmp_path) == DATA


# Addresses


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_the_range_with_them(code: int, server: Server, tmp_path: Path) -> None:
    source = served(server, "old/")
    server.files["/new%20place"] = DATA
    server.files[f"/new/{NAME}"] = DATA
    server.script[f"/old/{NAME}"].extend(
        [partial(redirect, to=f"../new/{NAME}", code=code), partial(redirect, to="/new place", code=code)]
    )
    server.script[f"/new/{NAME}"].append(cut(1000))
    assert fetch(source, tmp_path) == DATA
    assert server.asked[2:] == [(f"/old/{NAME}", "bytes=1000-"), ("/new%20place", "bytes=1000-")]


def unwelcome(tmp_path: Path) -> list[str]:
    """Addresses where the very file is, or could be, but not on the web."""
    (tmp_path / "here.bin").write_bytes(DATA)
    path = tmp_path / "here.bin"
    return [
        f"file://{path}",
        f"FILE:{path}",
        f"file://localhost{path}",
        "ftp://127.0.0.1:1/x",
        "data:,x",
        "gopher://x/",
    ]


@pytest.mark.parametrize("which", range(6))
def test_redirects_to_what_is_no_web_address_are_refused(which: int, server: Server, tmp_path: Path) -> None:
    target = unwelcome(tmp_path)[which]
    server.usually = partial(redirect, to=target)
    with pytest.raises(UserError, match=f"it redirects to {re.escape(target)}, which is not a web address"):
        fetch(served(server), tmp_path)
    assert leftovers(tmp_path) == [tmp_path / "here.bin"]


@pytest.mark.parametrize("which", range(6))
def test_mirrors_that_are_no_web_addresses_are_refused(which: int, server: Server, tmp_path: Path) -> None:
    target = unwelcome(tmp_path)[which]
    source = served(server, name="here.bin")
    source = replace(source, mirrors=(target.removesuffix("here.bin"),))
    with pytest.raises(UserError, match="is not a web address"):
        fetch(source, tmp_path)
    assert leftovers(tmp_path) == [tmp_path / "here.bin"]


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (partial(redirect, to=f"/{NAME}"), f"redirects more than {web.REDIRECTS} times"),
        (partial(redirect, to=None), "answers 302 Found"),
        (partial(redirect, to="http://[/"), "redirects to an invalid address"),
        (partial(redirect, to="http://127.0.0.1:port/"), "its address is invalid"),
        (partial(redirect, to="http://127.0.0.1:1/"), "Connection refused"),
        (partial(endless, code=302, to="file:///etc/passwd"), "not a web address"),
        (partial(endless, code=404), "404"),
    ],
    ids=["loop", "nowhere", "no address", "no port", "nobody there", "endless", "endless 404"],
)
def test_redirects_that_lead_nowhere_are_told(
    behaviour: Behaviour, message: str, server: Server, tmp_path: Path
) -> None:
    server.usually = behaviour
    server.files[f"/{NAME}"] = DATA
    with pytest.raises(UserError, match=message):
        fetch(served(server), tmp_path)
    assert len(server.asked) <= 10
    assert leftovers(tmp_path) == []


def test_a_proxy_is_asked_where_the_environment_names_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "http://nowhere.invalid/"
    source = replace(served(server), mirrors=(address,))
    server.files[f"{address}{NAME}"] = DATA
    monkeypatch.setenv("http_proxy", server.address)
    assert fetch(source, tmp_path) == DATA
    assert server.asked == [(f"{address}{NAME}", "")]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody has signed, with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    words = [*make.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", path.with_suffix(".crt")]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    running = Server(context)
    yield running
    running.close()


def test_a_certificate_that_is_not_trusted_is_told(
    secure: Server, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(secure)
    with pytest.raises(UserError, match=r"its certificate is not trusted \(self.signed certificate\); SSL_CERT_FILE"):
        fetch(source, tmp_path)
    assert secure.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch(source, tmp_path) == DATA


def test_an_encrypted_mirror_never_sends_on_to_an_open_one(
    secure: Server, server: Server, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    served(server)
    source = served(secure)
    secure.script[f"/{NAME}"].append(partial(redirect, to=f"{server.address}{NAME}"))
    with pytest.raises(UserError, match=f"redirects to {server.address}{NAME}, which is not encrypted"):
        fetch(source, tmp_path)
    assert server.asked == []
    # The other way round is an improvement.
    server.script[f"/{NAME}"].append(partial(redirect, to=f"{secure.address}{NAME}"))
    assert fetch(served(server), tmp_path) == DATA
    assert len(secure.asked) == 2


def test_a_mirror_that_does_not_speak_tls_is_told(server: Server, tmp_path: Path) -> None:
    source = replace(served(server), mirrors=(server.address.replace("http:", "https:"),))
    with pytest.raises(UserError, match="no secure connection"):
        fetch(source, tmp_path)


# The disk


def placing(part: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Return what will be done to put ``part`` in its place, as a list that grows."""
    done: list[tuple[object, ...]] = []
    really, rename = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        really(descriptor)
        synced = os.fstat(descriptor)
        same = [path for path in (part, part.parent) if path.exists() and os.path.samestat(synced, path.stat())]
        done.append(("fsync", *same, *([synced.st_size] if part in same else [])))

    def replace_by(path: Path, target: Path) -> Path:
        done.append(("rename", path))
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace_by)
    return done


def test_a_file_gets_its_name_when_it_is_on_the_disk_for_good(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, part = served(server), part_of(tmp_path)
    done = placing(part, monkeypatch)
    assert fetch(source, tmp_path) == DATA
    assert done == [("fsync", part, len(DATA)), ("rename", part), ("fsync", part.parent)]


def test_what_is_unpacked_gets_its_name_likewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = tmp_path / ".unpacked.part"
    done = placing(part, monkeypatch)
    save_unpacked(tmp_path / "unpacked", DATA)
    assert done == [("fsync", part, len(DATA)), ("rename", part), ("fsync", tmp_path)]


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o002])
def test_permissions_are_those_of_any_new_file(umask: int, server: Server, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        fetch(served(server), tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "numbers" / "raw" / NAME).stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("ending", ["", ".source"])
def test_links_and_pipes_in_the_place_of_a_part_are_not_followed(ending: str, server: Server, tmp_path: Path) -> None:
    source, precious = served(server), tmp_path / "precious"
    source.folder_in(tmp_path).mkdir(parents=True)
    precious.write_bytes(DATA[:100])
    part = part_of(tmp_path)
    other = part.with_name(f"{part.name}{ending}")
    for put in (lambda: other.symlink_to(precious), lambda: os.mkfifo(other)):
        part.write_bytes(DATA[:100])
        other.unlink(missing_ok=True)
        put()
        assert fetch(source, tmp_path) == DATA
        assert precious.read_bytes() == DATA[:100]
        (source.folder_in(tmp_path) / NAME).unlink()
    assert leftovers(tmp_path) == [precious]


def test_a_disk_that_is_full_in_the_middle_keeps_nothing_of_the_file(server: Server, tmp_path: Path) -> None:
    source = served(server)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    try:
        with pytest.raises(UserError, match=r"Numbers cannot be saved in .*File too large"):
            fetch(source, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert leftovers(tmp_path) == []
    assert fetch(source, tmp_path) == DATA


def test_a_disk_that_fails_at_the_very_end_leaves_no_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot be saved .*No space left on device"):
        fetch(served(server), tmp_path)
    assert leftovers(tmp_path) == []


@pytest.fixture
def nobody() -> Iterator[Path]:
    """An empty folder, and no right to write where the permissions do not give it: root may write anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        root = os.geteuid() == 0
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_that_cannot_be_written_is_told(made: bool, server: Server, nobody: Path) -> None:
    source = served(server)
    folder = source.folder_in(nobody) if made else nobody
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o555)
    with pytest.raises(UserError, match=r"Numbers cannot be saved in .*Permission denied.*--data-root"):
        fetch(source, nobody)
    assert server.asked == []
    folder.chmod(0o755)


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path, server: Server) -> None:
    (tmp_path / "numbers").write_text("a file where a folder should be")
    with pytest.raises(UserError, match=r"Numbers cannot be saved in .*--data-root"):
        fetch(served(server), tmp_path)


def interrupted(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    save_unpacked(path, b"newer")
    assert path.read_bytes() == b"old"


# Several processes, and their deaths


CHILD = """
import json, signal, sys
from pathlib import Path
from ganzoo_datasets import download, transfer
from ganzoo_datasets.sources import Archive, Source
root, title, folder, mirrors, archives = json.loads(sys.argv[1])
source = Source(title, folder, tuple(mirrors), {name: Archive(*archive) for name, archive in archives.items()})
transfer.PAUSE = 0.0
signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background is born without
download.fetch(source, list(archives), Path(root))
"""


def facts(source: Source, root: Path) -> str:
    archives = {name: (archive.size, archive.md5) for name, archive in source.archives.items()}
    return json.dumps([str(root), source.title, source.folder, source.mirrors, archives])


# What people see


def test_a_pipe_gets_a_line_at_the_beginning_and_one_at_the_end(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script[f"/{NAME}"].append(cut(1000))
    fetch(served(server), tmp_path)
    said = capsys.readouterr()
    assert said.out == ""
    begin, trouble, end, saved = said.err.splitlines()
    assert begin == f"ganzoo: downloading {server.address}{NAME} (0.6 MiB)"
    assert trouble == f"ganzoo: the connection was closed after 1000 of {len(DATA)} bytes; trying again"
    assert re.fullmatch(rf"ganzoo: {re.escape(NAME)} is complete, after \d+\.\d s", end)
    assert saved == f"ganzoo: saved Numbers in {tmp_path / 'numbers' / 'raw'}"


def test_a_terminal_gets_a_bar(server: Server, tmp_path: Path) -> None:
    server.usually = partial(serve, held=lambda: time.sleep(0.6))
    ours, theirs = pty.openpty()
    words = [sys.executable, "-c", CHILD, facts(served(server), tmp_path)]
    process = subprocess.Popen(words, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"})
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 2**16):
            shown += more
    except OSError:  # the terminal is closed
        pass
    assert process.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    bar = rf"{re.escape(NAME)} +━+[^\r\n]* (\d+\.\d)/\d+\.\d [kKM]iB [\d.]+ [kM]B/s \d:\d\d:\d\d"
    assert re.search(bar, text), text
