"""Archives and packed files that harm: bombs, links, names that lead away, what never ends; read in bounded memory."""

from __future__ import annotations

import gzip
import io
import os
import struct
import sys
import tarfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganzoo.catalogue.options import make
from ganzoo.errors import UserError
from ganzoo_datasets import cifar
from ganzoo_datasets.cifar import ARCHIVE, BATCHES, FOLDER, RECORD, CifarDataset
from ganzoo_datasets.configs import Cifar10Config, MnistConfig
from ganzoo_datasets.idx import IdxDataset

MIB = 2**20


@pytest.fixture
def bounded() -> Iterator[None]:
    """Little time and little memory, whatever a file claims."""
    tracemalloc.start()
    began = time.perf_counter()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1100 * MIB
    assert time.perf_counter() - began < 60


def sound(name: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(f"{FOLDER}/{name}")
    info.size = RECORD
    return info, bytes(RECORD)


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info, data


def header(name: str, kind: bytes, size: int) -> bytes:
    """The 512 bytes that announce a member, whatever follows."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def archive(*members: tuple[tarfile.TarInfo, bytes], before: bytes = b"", zeros: int = 0) -> bytes:
    """A packed archive; ``before`` are bytes ahead of the members, and ``zeros`` MiB of nothing come next."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return packed(before, zeros, plain.getvalue())


def packed(head: bytes, zeros: int, tail: bytes = b"") -> bytes:
    """Packed: ``head``, as many MiB of zeros, and ``tail``."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as stream:
        stream.write(head)
        for _ in range(zeros):
            stream.write(bytes(MIB))
        stream.write(tail)
    return file.getvalue()


SOUND = [sound(name) for name in BATCHES["train"]]
FIRST = f"{FOLDER}/{BATCHES['train'][0]}"
# An archive, and what is told of it; or nothing where it is read as if the harmful members were not there.
ARCHIVES: dict[str, tuple[Callable[[int], bytes], str]] = {
    "links out": (lambda zeros: archive(member(FIRST, tarfile.SYMTYPE, "/etc/passwd"), *SOUND[1:]), "it lacks"),
    "hard links out": (lambda zeros: archive(member(FIRST, tarfile.LNKTYPE, "../passwd"), *SOUND[1:]), "it lacks"),
    "links to itself": (lambda zeros: archive(member(FIRST, tarfile.SYMTYPE, FIRST), *SOUND[1:]), "it lacks"),
    "devices": (lambda zeros: archive(member(FIRST, tarfile.CHRTYPE), *SOUND[1:]), "it lacks"),
    "pipes": (lambda zeros: archive(member(FIRST, tarfile.FIFOTYPE), *SOUND[1:]), "it lacks"),
    "folders of the names of files": (lambda zeros: archive(member(FIRST, tarfile.DIRTYPE), *SOUND[1:]), "it lacks"),
    "absolute names": (lambda zeros: archive(member("/tmp/evil.bin", data=b"x"), *SOUND), ""),
    "names that lead up": (lambda zeros: archive(member("../evil.bin", data=b"x"), *SOUND), ""),
    "names that lead up and down": (lambda zeros: archive(member(f"{FOLDER}/../evil.bin", data=b"x"), *SOUND), ""),
    "a link to write through": (
        lambda zeros: archive(member(FOLDER, tarfile.SYMTYPE, "/tmp"), member(f"{FOLDER}/evil.bin"), *SOUND), ""
    ),
    "names that command a terminal": (lambda zeros: archive(member("\x1b]0;evil\x07", data=b"x"), *SOUND), ""),
    "an archive within": (lambda zeros: archive(member(f"{FOLDER}/evil.tar.gz", data=archive(*SOUND)), *SOUND), ""),
    "one within alone": (lambda zeros: archive(member(f"{FOLDER}.tar.gz", data=archive(*SOUND))), "it lacks"),
    "one file twice": (lambda zeros: archive(*SOUND, *SOUND), ""),
    "a bomb ahead": (lambda zeros: archive(before=header("bomb", tarfile.REGTYPE, 2**31), zeros=zeros), "more than"),
    "a bomb in the place of a file": (
        lambda zeros: archive(before=header(FIRST, tarfile.REGTYPE, 400 * MIB), zeros=zeros), "more than"
    ),
    "a bomb of a long name": (
        lambda zeros: archive(before=header("././@LongLink", tarfile.GNUTYPE_LONGNAME, 2**32), zeros=zeros), "more than"
    ),
    "a bomb of attributes": (
        lambda zeros: archive(before=header("pax", tarfile.XHDTYPE, 2**32), zeros=zeros), "more than"
    ),
    "a bomb behind the end": (lambda zeros: archive(*SOUND) + packed(b"", zeros), "more than"),
    "a sparse file of nothing": (
        lambda zeros: archive(before=header(FIRST, tarfile.GNUTYPE_SPARSE, 0)), "it lacks|not a valid file"
    ),
    "a size of less than nothing": (
        lambda zeros: archive(before=header(FIRST, tarfile.REGTYPE, 5).replace(b"00000000005", b"-0000000005")), "valid"
    ),
    "more members than anybody counts": (
        lambda zeros: archive(before=header("x", tarfile.REGTYPE, 0) * 2000), "more than 1000 members"
    ),
    "names of names of names": (
        lambda zeros: archive(before=(header("x", tarfile.GNUTYPE_LONGNAME, 1) + bytes(512)) * 2000), "not a valid file"
    ),
    "noise": (lambda zeros: gzip.compress(os.urandom(10_000)), "not a valid file"),
    "no archive": (lambda zeros: gzip.compress(b"hello"), "not a valid file"),
}  # fmt: skip


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("limit", [2**25, pytest.param(2**28, marks=pytest.mark.long)])
@pytest.mark.parametrize("case", ARCHIVES)
def test_a_harmful_archive_is_read_in_part_or_refused(
    case: str, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cifar.LIMIT == 2**28
    monkeypatch.setattr(cifar, "LIMIT", limit)
    content, why = ARCHIVES[case]
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / ARCHIVE).write_bytes(content(limit // MIB + 40))
    if why:
        with pytest.raises(UserError) as caught:
            CifarDataset(Cifar10Config(), tmp_path / "root")
        assert any(word in str(caught.value) for word in why.split("|")), str(caught.value)
    else:
        assert len(CifarDataset(Cifar10Config(), tmp_path / "root")) == 5
    kept = {path.name for path in (tmp_path / "root" / FOLDER).glob("*") if not path.name.startswith(".")}
    assert kept == (set() if why else set(BATCHES["train"]))
    assert not list(tmp_path.rglob("evil*")) + list(Path("/tmp").glob("evil.bin"))


def idx(claim: tuple[int, ...], size: int) -> bytes:
    return bytes((0, 0, 8, len(claim))) + struct.pack(f">{len(claim)}I", *claim) + bytes(size)


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bomb": (lambda path: path.with_name(f"{IMAGES}.gz").write_bytes(packed(idx((2, 4, 4), 32), 100)), "33 follow"),
    "a bomb that says so": (
        lambda path: path.with_name(f"{IMAGES}.gz").write_bytes(packed(idx((2**20, 64, 64), 0), 100)), "follow"
    ),
    "a bomb behind the end": (
        lambda path: path.with_name(f"{IMAGES}.gz").write_bytes(
            gzip.compress(idx((2, 4, 4), 32)) + packed(b"", 100)
        ),
        "33 follow",
    ),
    "more examples than anybody has": (
        lambda path: path.with_name(f"{IMAGES}.gz").write_bytes(packed(idx((2**25, 1, 1), 0), 32)), "33,554,432 ex"
    ),
    "sizes beyond all reason": (lambda path: path.write_bytes(idx((2**32 - 1,) * 3, 0)), "0 follow"),
    "a sparse file": (lambda path: (path.write_bytes(idx((2, 4, 4), 0)), os.truncate(path, 2**40)), "33 follow"),
    "a pipe": (os.mkfifo, "not a regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    "a knot": (lambda path: path.symlink_to(path), "cannot be downloaded|symbolic links"),
    "a folder": (lambda path: path.mkdir(), "not a regular file"),
}  # fmt: skip


@pytest.mark.usefixtures("bounded")
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
@pytest.mark.parametrize("case", FILES)
def test_a_harmful_idx_file_is_refused(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    write, why = FILES[case]
    folder = tmp_path / MnistConfig.source.folder
    folder.mkdir(parents=True)
    (folder / LABELS).write_bytes(idx((2,), 2))
    write(folder / IMAGES)
    with pytest.raises(UserError) as caught:
        IdxDataset(MnistConfig(), tmp_path)
    assert any(word in str(caught.value) for word in why.split("|")), str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "device", "sparse"])
def test_a_harmful_batch_of_cifar_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / FOLDER / "test_batch.bin"
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, 2**40)
    with pytest.raises(UserError, match=r"not a regular file|more than 268,435,456 bytes"):
        CifarDataset(make(Cifar10Config, {"split": "test"}, "cifar10"), tmp_path)


def test_there_are_many_kinds(record: Callable[..., None]) -> None:
    assert len(ARCHIVES) + len(FILES) >= 30
    record(promise="untrusted archives", archives=len(ARCHIVES), idx_files=len(FILES))
