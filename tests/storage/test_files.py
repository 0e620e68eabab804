"""Files that are there whole or not at all: folders that cannot be synced, permissions, links, leftovers."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ganzoo.catalogue import installed, select
from ganzoo.storage import files
from ganzoo.storage.files import (
    WriteFailed,
    make_folder,
    remove_leftovers,
    rename_durably,
    replacing,
    write_atomically,
)
from ganzoo.training.observers import Observer
from ganzoo.training.run import Run, train

SMALL = {"dataset_size": 8, "batch_size": 8, "steps": 4, "log_every": 1, "sample_every": 2, "checkpoint_every": 1}


def trained(out: Path, watchers: Sequence[Observer] = (), resume: bool = False, **flags: object) -> Run:
    selection = select(installed(), "gan-minimal", {**SMALL, "device": "cpu", "out": out, **flags})
    return train(selection, watchers, resume)


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


# Windows


@pytest.fixture
def like_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders cannot be opened, and a file can be synced only where it is open for writing."""
    fcntl = pytest.importorskip("fcntl")
    usual, sync = os.open, os.fsync

    def opening(path: Any, *more: Any, **named: Any) -> int:
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return usual(path, *more, **named)

    def syncing(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        sync(descriptor)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(os, "fsync", syncing)


@pytest.mark.usefixtures("like_windows")
def test_a_training_ends_well_where_only_what_was_written_is_synced(tmp_path: Path) -> None:
    assert trained(tmp_path / "run").finished


@pytest.mark.usefixtures("like_windows")
def test_a_complete_file_of_another_process_is_synced_there(tmp_path: Path) -> None:
    (tmp_path / ".file.part").write_bytes(b"new")
    rename_durably(tmp_path / ".file.part", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("refusals", [1, 2, 3])
def test_a_file_that_another_program_has_open_is_replaced_when_it_is_closed(
    refusals: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, left = Path.replace, [refusals]

    def refuse(path: Path, target: Path) -> Path:
        if left[0]:
            left[0] -= 1
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return usual(path, target)

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(files, "RENAME_TRIES", 3)
    monkeypatch.setattr(files, "_RENAME_PAUSE", 0)
    if refusals < 3:
        write_atomically(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"new"
    else:
        with pytest.raises(WriteFailed, match="Permission denied"):
            write_atomically(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"old"
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


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
