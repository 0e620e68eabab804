"""Downloads by several processes, processes that are killed, and many transfers that fail at random."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ganzoo.errors import UserError
from ganzoo.testing.web_server import (
    Behaviour,
    Handler,
    Server,
    nonsense,
    nothing,
    ranges,
    redirect,
    refuse,
    serve,
    tag_of,
)
from ganzoo_datasets import download, transfer
from ganzoo_datasets.files import LOCK
from ganzoo_datasets.sources import Archive, Source

NAME = "numbers.bin"
DATA = random.Random(0).randbytes(600_000)


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


def start(source: Source, root: Path, **options: Any) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CHILD, facts(source, root)]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, **options)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_eight_processes_at_once_make_one_transfer(server: Server, tmp_path: Path) -> None:
    source, all_wait = served(server), threading.Event()
    server.script[f"/{NAME}"].append(partial(serve, held=lambda: all_wait.wait(20)))
    processes = [start(source, tmp_path)]
    until(lambda: bool(server.asked))
    processes += [start(source, tmp_path) for _ in range(7)]
    # Each says that it waits before any of them can be done.
    lines = [process.stderr.readline() for process in processes[1:] if process.stderr is not None]
    all_wait.set()
    said = [process.communicate(timeout=20)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert all(f"waiting for process {processes[0].pid} on " in line for line in lines)
    assert server.asked == [(f"/{NAME}", "")]
    assert sum("saved Numbers" in text for text in said) == 1
    assert leftovers(tmp_path) == [source.folder_in(tmp_path) / NAME]
    assert fetch(source, tmp_path) == DATA


def started_and_held(server: Server, source: Source, root: Path) -> tuple[subprocess.Popen[str], threading.Event]:
    """A process in the middle of its download: half of the file is there, and no more comes until the event."""
    go_on = threading.Event()
    server.script[f"/{NAME}"].append(partial(serve, held=lambda: go_on.wait(20)))
    process = start(source, root)
    part = part_of(root)
    until(lambda: part.exists() and part.stat().st_size >= len(DATA) // 2)
    return process, go_on


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_next_start_goes_on_where_a_signal_ended_a_process(
    number: signal.Signals, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = served(server)
    process, go_on = started_and_held(server, source, tmp_path)
    process.send_signal(number)
    process.communicate(timeout=20)
    go_on.set()
    assert process.returncode == -number
    capsys.readouterr()
    assert fetch(source, tmp_path) == DATA
    assert ranges(server) == ["", f"bytes={len(DATA) // 2}-"]
    assert f"resuming {server.address}{NAME} at 0.3 of 0.6 MiB\n" in capsys.readouterr().err


def test_a_process_that_waits_goes_on_for_one_that_is_killed(server: Server, tmp_path: Path) -> None:
    source = served(server)
    owner, go_on = started_and_held(server, source, tmp_path)
    waiting = start(source, tmp_path)
    assert waiting.stderr is not None
    assert f"process {owner.pid} on" in waiting.stderr.readline()
    owner.kill()
    owner.communicate()
    waiting.communicate(timeout=20)
    go_on.set()
    assert waiting.returncode == 0
    assert ranges(server) == ["", f"bytes={len(DATA) // 2}-"]
    assert leftovers(tmp_path) == [source.folder_in(tmp_path) / NAME]


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=pytest.mark.long)])
def test_kills_at_random_moments_never_leave_a_wrong_file(
    kills: int, server: Server, tmp_path: Path, record: Callable[..., None]
) -> None:
    draw, source = random.Random(kills), served(server)
    path, wrong, finished = source.folder_in(tmp_path) / NAME, 0, 0

    def slowly(handler: Handler, data: bytes) -> None:
        serve(handler, data, held=lambda: time.sleep(0.2), cut=draw.randrange(1, len(data)))

    server.usually = slowly
    for _ in range(kills):
        process = start(source, tmp_path)
        time.sleep(draw.uniform(0.1, 0.7))
        process.kill()
        process.communicate()
        if path.exists():
            finished += 1
            wrong += path.read_bytes() != DATA
            path.unlink()
    server.usually = serve
    assert fetch(source, tmp_path) == DATA
    assert wrong == 0
    assert leftovers(tmp_path) == [path]
    record(promise="kills during downloads", kills=kills, finished=finished, wrong=wrong)


# Everything at once


def flaky(draw: random.Random) -> Behaviour:
    """A server's way to answer: now so, now so, and one is better than the other."""
    good = draw.randrange(6)

    def behave(handler: Handler, data: bytes) -> None:
        length, other = draw.randrange(len(data) + 1), draw.randbytes(len(data))
        damaged = bytearray(data)
        damaged[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        ways: list[Callable[[], None]] = [
            lambda: serve(handler, data),
            lambda: serve(handler, data, cut=length),
            lambda: serve(handler, data, cut=length, tag=""),
            lambda: serve(handler, data, cut=length, length=False),
            lambda: serve(handler, data, cut=length, ranges=False),
            lambda: serve(handler, data, shift=draw.randrange(9)),
            lambda: serve(handler, data, claim=draw.randrange(-5, 5)),
            lambda: serve(handler, bytes(damaged), cut=draw.choice([length, None])),
            lambda: serve(handler, bytes(damaged), keeps_to_if_range=False, tag=tag_of(data)),
            lambda: serve(handler, other, cut=draw.choice([length, None])),
            lambda: serve(handler, other, keeps_to_if_range=False),
            lambda: serve(handler, data[:length]),
            lambda: serve(handler, gzip.compress(data), encoding="gzip"),
            lambda: refuse(handler, data, draw.choice([204, 400, 403, 404, 416, 429, 500, 503])),
            lambda: redirect(handler, data, draw.choice([None, handler.path, "file:///etc/passwd", "/elsewhere"])),
            lambda: nothing(handler, data),
            lambda: nonsense(handler, data),
        ]
        draw.choices(ways, [good] * 4 + [1] * (len(ways) - 4))[0]()

    return behave


@pytest.mark.parametrize("transfers", [30, pytest.param(600, marks=pytest.mark.long)])
def test_of_many_flaky_transfers_none_gives_a_wrong_file(
    transfers: int, server: Server, tmp_path: Path, record: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    draw, counts = random.Random(transfers), defaultdict[str, int](int)
    for number in range(transfers):
        data, root = draw.randbytes(draw.randrange(1, 400_000)), tmp_path / str(number)
        source = served(server, *(f"{number}/{mirror}/" for mirror in range(draw.randrange(1, 4))), data=data)
        server.files["/elsewhere"] = data
        path = source.folder_in(root) / NAME
        found = draw.choice([b"", data[: draw.randrange(len(data))], draw.randbytes(draw.randrange(500_000))])
        if found:
            path.parent.mkdir(parents=True)
            part_of(root).write_bytes(found)
        server.usually = flaky(draw)
        try:
            accepted = fetch(source, root)
        except UserError:
            counts["refused"] += 1
            counts["wrong"] += path.exists()
            counts["kept"] += part_of(root).exists()
        else:
            counts["accepted"] += 1
            counts["wrong"] += accepted != data
            assert leftovers(root) == [path]
        server.usually = serve
        counts["wrong"] += fetch(source, root) != data
        assert leftovers(root) == [path]
        path.unlink()
        server.files.clear()
    assert counts["wrong"] == 0
    assert min(counts["accepted"], counts["refused"], 5 * counts["kept"]) >= transfers / 10
    record(promise="flaky transfers", transfers=transfers, requests=len(server.asked), **counts)
