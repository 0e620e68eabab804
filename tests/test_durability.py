"""A save is durable: content, sync, rename, sync of the folder, in this order; and what else files must be."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from disk import TEMPORARY, Disk, Operation, plain_curves

from ganzoo.catalogue import installed, select
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.storage.files import Journal, WriteFailed, make_folder, remove_leftovers, replacing, write_atomically
from ganzoo.training.observers import Observer
from ganzoo.training.observers.metrics_file import read_rows
from ganzoo.training.run import Run, train

__all__ = ["plain_curves"]

SMALL = {"dataset_size": 8, "batch_size": 8, "steps": 4, "log_every": 1, "sample_every": 2, "checkpoint_every": 1}
EVALUATED = {"evaluate_every": 2, "evaluate_samples": 300, "metric": "kernel", "judge": "plain"}
IN_PLACE = {"metrics.jsonl", ".lock"}  # grows by lines; is empty
SAVED = {"config.json", "model.safetensors", "best.safetensors", "metrics.jsonl", "curves.png", "samples.gif"}


OURS = re.compile("|".join(map(re.escape, SAVED)) + r"|step-\d+\..*")


def trained(out: Path, watchers: Sequence[Observer] = (), resume: bool = False, **flags: object) -> Run:
    selection = select(installed(), "gan-minimal", {**SMALL, "device": "cpu", "out": out, **flags})
    return train(selection, watchers, resume)


# The order


def out_of_order(done: Sequence[Operation]) -> Iterator[str]:
    """Yield what is not durable in what was done: (name, path), where a rename tells where to.

    Each file is written beside its place, synced, renamed, and its folder synced before anything else is touched; each
    new folder is synced into the one above it.
    """
    unsynced: dict[str, str] = {}  # temporary file by its final name: what was done to it last
    in_place: dict[Path, str] = {}  # files that were written in their place
    owed: Path | None = None  # the folder that must be synced now
    for name, path in done:
        if owed is not None:
            if (name, path) == ("sync", owed):
                owed = None
                continue
            yield f"{name} {path} before {owed} was synced"
            owed = None
        if name == "make":
            owed = path.parent
        elif match := re.fullmatch(r"\.(.+)\.[0-9a-f]{8}\.part", path.name):
            unsynced[str(path.with_name(match[1]))] = name
        elif name == "rename":
            last = unsynced.pop(str(path), "nothing")
            if last != "sync":
                yield f"{path} was put in place after {last}"
            owed = path.parent
        elif name in ("open", "write") and path.name not in IN_PLACE:
            in_place[path] = f"{path} was written in its place"
        elif name == "remove" and not OURS.fullmatch(path.name):
            in_place.pop(path, None)  # a library's probe of the file system, gone at once
    if owed is not None:
        yield f"{owed} was not synced at the end"
    yield from in_place.values()
    yield from (f"{path} was not put in place after {last}" for path, last in unsynced.items() if last != "remove")


def test_a_training_writes_in_the_right_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path)
    with monkeypatch.context() as patch:
        disk.attach(patch)
        trained(tmp_path / "deep" / "run", **EVALUATED)
    made = [path for name, path in disk.done if name == "make"]
    # Two folders are made at once: the one above is synced first.
    assert list(out_of_order(disk.done)) == []
    renamed = {path.name for name, path in disk.done if name == "rename"}
    assert renamed >= {*SAVED, "step-00000001.safetensors", "step-00000004.png"}
    assert [path.name for path in made] == ["deep", "run", "samples", "checkpoints"]


@pytest.mark.parametrize(
    "done",
    [
        [("open", "/r/.f.01234567.part"), ("write", "/r/.f.01234567.part"), ("rename", "/r/f"), ("sync", "/r")],
        [("sync", "/r/.f.01234567.part"), ("write", "/r/.f.01234567.part"), ("rename", "/r/f"), ("sync", "/r")],
        [("sync", "/r/.f.01234567.part"), ("rename", "/r/f")],
        [("sync", "/r/.f.01234567.part"), ("rename", "/r/f"), ("remove", "/r/g"), ("sync", "/r")],
        [("sync", "/r/.f.01234567.part"), ("rename", "/r/f"), ("sync", "/r"), ("write", "/r/.f.01234567.part")],
        [("make", "/r/f"), ("open", "/r/f/.g.01234567.part")],
        [("open", "/r/model.safetensors")],
        [("open", "/r/model.safetensors"), ("remove", "/r/model.safetensors")],
        [("write", "/r/step-00000001.safetensors"), ("remove", "/r/step-00000001.safetensors")],
        [("open", "/r/of-a-library")],
    ],
)
def test_another_order_would_be_seen(done: list[tuple[str, str]]) -> None:
    assert list(out_of_order([(name, Path(path)) for name, path in done]))


def test_a_probe_of_a_library_that_is_gone_at_once_is_in_order() -> None:
    probe = Path("/r/of-a-library")
    assert not list(out_of_order([("open", probe), ("write", probe), ("remove", probe)]))


def test_a_log_of_the_system_tells_files_with_a_name_from_those_without() -> None:
    log = """
7 openat(AT_FDCWD</r>, "/r", O_RDWR|O_EXCL|O_CLOEXEC|O_TMPFILE, 0600) = 3</r/#12>(deleted)
7 openat(AT_FDCWD</r>, "/r/model.safetensors", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3</r/model.safetensors>
7 openat(AT_FDCWD</r>, "/r/config.json", O_RDONLY|O_CLOEXEC) = 3</r/config.json>
"""
    assert list(system_calls(log, Path("/r"))) == [("open", Path("/r/model.safetensors"))]


@pytest.mark.skipif(not TEMPORARY, reason="this system makes no nameless files")
def test_a_nameless_file_is_no_file_and_a_named_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path)
    with monkeypatch.context() as patch:
        disk.attach(patch)
        try:
            os.close(os.open(tmp_path, TEMPORARY | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError:
            pytest.skip("this file system makes no nameless files")
        assert not disk.done
        os.close(os.open(tmp_path / "model.safetensors", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    assert disk.done == [("open", tmp_path / "model.safetensors")]


CALLS = "openat,open,creat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,ftruncate"


def system_calls(log: str, folder: Path) -> Iterator[Operation]:
    """Yield what the kernel was asked to do below ``folder``, of what strace wrote down, and was not refused."""
    for line in log.splitlines():
        call = re.match(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)", line)
        if call is None or call[3].startswith("-"):
            continue
        name, words = call[1], call[2]
        quoted, opened = re.findall(r'"([^"]*)"', words), re.match(r"\d+<([^>]*)>", words)
        path = Path(quoted[-1]) if quoted and name not in ("write", "pwrite64") else Path(opened[1] if opened else "/")
        if not path.is_relative_to(folder):
            continue
        if name in ("openat", "open", "creat"):
            nameless = "O_TMPFILE" in words and "O_EXCL" in words
            if re.search("O_WRONLY|O_RDWR|O_CREAT", words) and not nameless:
                yield "open", path
        else:
            plain = {
                "pwrite64": "write",
                "fsync": "sync",
                "fdatasync": "sync",
                "unlink": "remove",
                "ftruncate": "write",
            }
            yield plain.get(name, name.removesuffix("2").removesuffix("at").replace("mkdir", "make")), path


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("steps", [2, pytest.param(20, marks=pytest.mark.long)])
def test_the_system_is_asked_in_the_right_order(steps: int, tmp_path: Path, record: Callable[..., None]) -> None:
    log, run = tmp_path / "log", tmp_path / "run"
    flags = {**SMALL, "steps": steps, "device": "cpu", "out": run, "sample_every": 1}
    words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = ["strace", "-f", "--seccomp-bpf", "-y", "-qq", "-s", "0", "-e", f"trace={CALLS}", "-e", "signal=none"]
    # No strings of content, but whole names: -s 0 cuts the former alone.
    command += ["-o", str(log), sys.executable, "-m", "ganzoo", "train", "gan-minimal", *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode and not run.exists():
        pytest.skip(f"strace does not work here: {answer.stderr[-200:]}")
    assert answer.returncode == 0
    done = list(system_calls(log.read_text(errors="replace"), tmp_path))
    done = [(name, path) for name, path in done if path != log]
    assert list(out_of_order(done)) == []
    saves = [path for name, path in done if name == "rename" and path.parent.name == "checkpoints"]
    assert len(saves) == steps
    assert {path.name for name, path in done if name == "rename"} >= SAVED - {"best.safetensors"}
    record(promise="a save is durable", renames=sum(name == "rename" for name, _ in done), out_of_order=0)


# Folders that cannot be synced


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOTSUP, errno.EBADF])
def test_a_folder_that_cannot_be_synced_is_no_failure(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(error, os.strerror(error))
        usual(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    make_folder(tmp_path / "run")
    write_atomically(tmp_path / "run" / "file", b"new")
    assert (tmp_path / "run" / "file").read_bytes() == b"new"


def test_a_folder_that_cannot_be_opened_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = os.open

    def refuse(path: Any, *more: Any, **named: Any) -> int:
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return usual(path, *more, **named)

    monkeypatch.setattr(os, "open", refuse)
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES])
def test_a_folder_whose_sync_fails_is_told_and_the_file_is_the_new_one(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(error, os.strerror(error))
        usual(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(WriteFailed, match=rf"file cannot be written \({os.strerror(error)}\)"):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# Permissions


@pytest.mark.parametrize(("umask", "usual"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_permissions_that_any_file_gets(
    umask: int, usual: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(umask)
    try:
        # Setting the umask in order to read it lets other threads make files with any permissions meanwhile.
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask was touched"))
            run = trained(tmp_path / "run")
    finally:
        after = os.umask(before)
    assert after == umask
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in run.folder.path.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_file() and path.name != ".lock"} == {usual}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o777 & ~umask}


# Links


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"mine")
    for name, target in (("file", "elsewhere"), ("dangling", "nowhere")):
        (tmp_path / name).symlink_to(target)
        write_atomically(tmp_path / name, b"new")
        assert not (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_bytes() == b"new"
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "large")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    trained(tmp_path / "link", resume=True)
    assert (tmp_path / "run" / "model.safetensors").exists()
    assert len(list((tmp_path / "large").iterdir())) == 2
    assert (tmp_path / "run" / "checkpoints").is_symlink()


# What is left of a process that was killed


def test_what_a_killed_process_had_begun_is_removed_by_the_next_one(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", steps=2).folder
    left = [run.path / ".model.safetensors.0123abcd.part", run.checkpoints / ".step-00000003.safetensors.89ab4567.part"]
    kept = [run.path / "notes.part", run.samples / ".mine"]
    for path in (*left, *kept):
        path.write_bytes(b"half")
    trained(tmp_path / "run", resume=True, steps=2)
    assert [path.exists() for path in (*left, *kept)] == [False, False, True, True]


def test_sweeping_an_empty_folder_does_nothing(tmp_path: Path) -> None:
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_whatever_ends_a_write_the_old_file_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def write(problem: BaseException) -> None:
        with replacing(tmp_path / "file") as file:
            file.write(b"new")
            raise problem

    for problem in (KeyboardInterrupt(), ValueError("no picture"), MemoryError()):
        with pytest.raises(type(problem)):
            write(problem)
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_a_folder_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteFailed, match="file"):
        make_folder(tmp_path / "file" / "folder")
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    monkeypatch.chdir(tmp_path)
    make_folder(Path("c/d"))
    assert (tmp_path / "a" / "b").is_dir()
    assert (tmp_path / "c" / "d").is_dir()


# The metrics


def steps(run: Run) -> list[int]:
    return [json.loads(line)["step"] for line in run.folder.metrics.read_text().splitlines()]


TAILS = {
    "nothing": b"",
    "a torn row": b'{"step": 3, "seco',
    "a torn row of letters": '{"step": 3, "λ'.encode()[:-1],
    "NULs": b"\0" * 4096,
    "garbage": bytes(range(256)) * 3,
    "garbage of lines": b"\xff\xfe\n\n\0\n{}\n[]\n3\nnull\n" + b"[" * 100_000,
    "rows of others": b'{"step": "two"}\n{"step": 1}\n{"step": true, "terms": {}, "values": {}}\n{"terms": {}}\n',
    "rows of other kinds": b'{"step": 1, "terms": 3, "values": null}\n{"step": 1, "terms": {"a": 3}, "values": {}}\n'
    b'{"step": 1, "terms": {}, "values": {"a": [1]}}\n{"step": 1, "terms": {}, "values": {}, "scores": ["a"]}\n',
    "numbers beyond all reason": b'{"step": 1, "terms": {"a": {"b": 1e308, "c": -1e308}}, "values": {}}\n'
    b'{"step": -1' + b"0" * 400 + b', "terms": {}, "values": {}}\n',
    "later rows": b'{"step": 3, "terms": {}, "values": {}, "scores": {}}\n',
}


@pytest.mark.parametrize("tail", TAILS)
def test_a_damaged_end_of_the_metrics_is_mended(tail: str, tmp_path: Path) -> None:
    first = trained(tmp_path / "run", steps=2)
    whole = first.folder.metrics.read_bytes()
    with first.folder.metrics.open("ab") as file:
        file.write(TAILS[tail])
    assert steps(trained(tmp_path / "run", resume=True, steps=2)) == [1, 2]
    assert first.folder.metrics.read_bytes() == whole


def test_a_damaged_row_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    rows = [json.dumps({"step": step, "terms": {}, "values": {}}).encode() for step in range(3)]
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join([rows[0], b"\0\0" + rows[1], rows[2], b""]))
    assert [row["step"] for row in read_rows(tmp_path / "metrics.jsonl")] == [0, 2]


@pytest.mark.parametrize("put", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_metrics_that_cannot_be_read_are_not_written_over(put: Callable[[Path], object], tmp_path: Path) -> None:
    run = trained(tmp_path / "run", steps=2)
    run.folder.metrics.unlink()
    put(run.folder.metrics)
    with pytest.raises(UserError, match=r"metrics.jsonl cannot be read: .*move it away"):
        trained(tmp_path / "run", resume=True, steps=2)


def test_a_line_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A disk that becomes full takes a part of a line, and then nothing."""
    journal = Journal(tmp_path / "lines")
    journal.append("first")

    class Full:
        room = 3

        def __init__(self, file: object):
            self.file = file

        def write(self, data: memoryview) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            taken, self.room = data[: self.room], 0
            return int(self.file.write(taken))  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    usual = journal._file
    for _ in range(2):
        journal._file = Full(usual)  # type: ignore[assignment]
        with pytest.raises(WriteFailed, match="No space left on device"):
            journal.append("second")
        assert (tmp_path / "lines").read_text() == "first\n"
    journal._file = usual
    journal.append("third")
    journal.close()
    assert (tmp_path / "lines").read_text() == "first\nthird\n"


def test_a_row_is_there_as_soon_as_it_is_reported(tmp_path: Path) -> None:
    seen = []

    class Reader(Observer):
        def stepped(self, step: int) -> None:
            seen.append(len(read_rows(tmp_path / "run" / "metrics.jsonl")))

    trained(tmp_path / "run", [Reader()])
    assert seen == [0, 1, 2, 3]


def test_a_row_that_cannot_be_written_ends_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Journal, line: str) -> None:
        raise WriteFailed(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "metrics.jsonl"))

    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(
        TrainingFailed, match=r"metrics.jsonl cannot be written \(No space left.*there is no checkpoint yet"
    ):
        trained(tmp_path / "run")
