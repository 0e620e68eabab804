"""The lock of a run folder and the name of its owner."""

from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from ganzoo.errors import UserError
from ganzoo.storage import folder_lock as claim
from ganzoo.storage.files import WriteFailed
from ganzoo.storage.folder_lock import FolderLock
from ganzoo.testing.processes import dead_process

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


def test_who_is_refused_waits_for_the_name_of_a_process_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "DEAD_OWNER_TIMEOUT", 0.2)
    mine = FolderLock(tmp_path)
    owner = tmp_path / ".owner"
    name = owner.read_text(encoding="utf-8")
    for text, said in (
        (f"process {dead_process()} on {socket.gethostname()}", "process"),
        ("", "another process"),
        ("process 1 on elsewhere", "process 1 on elsewhere"),
    ):
        owner.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=f"is in use by {said}"):
            FolderLock(tmp_path)
    monkeypatch.setattr(claim, "DEAD_OWNER_TIMEOUT", 60)
    for before in ("", f"process {dead_process()} on {socket.gethostname()}"):
        owner.write_text(before, encoding="utf-8")
        late = threading.Timer(0.2, owner.write_text, (name,))
        late.start()
        with pytest.raises(UserError, match=f"is in use by {name}"):
            FolderLock(tmp_path)
        late.join()
    owner.unlink()  # by hand
    mine.release()
    FolderLock(tmp_path).release()
    assert not owner.exists()


def test_a_name_is_gone_before_another_process_can_write_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[bool] = []
    mine = FolderLock(tmp_path)
    release = mine._lock.release
    monkeypatch.setattr(mine._lock, "release", lambda: (left.append((tmp_path / ".owner").exists()), release()))
    mine.release()
    assert left == [False]
    assert (tmp_path / ".lock").exists(), "one process could lock the file that was there, and another a new one"


def test_who_cannot_write_its_name_lets_go_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise WriteFailed(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(claim, "DEAD_OWNER_TIMEOUT", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(claim, "write_atomically", full)
        with pytest.raises(WriteFailed) as failed:
            FolderLock(tmp_path)
    FolderLock(tmp_path).release()
    assert failed.tb is not None, "who looks at the failure keeps what it happened in"
