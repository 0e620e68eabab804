"""Which folders are those of runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ganzoo.storage.run_files import is_run_folder
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.run import Run

OLDER = Path(__file__).with_name("run-of-0.1.0")


def test_a_run_is_known_by_what_it_holds_whatever_its_name(trained: Run, tmp_path: Path) -> None:
    assert is_run_folder(trained.folder.path)
    assert is_run_folder(OLDER)
    (tmp_path / "cat").symlink_to(trained.folder.path)
    assert is_run_folder(tmp_path / "cat")


def test_a_run_that_was_killed_before_its_config_was_written_is_one(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with run.locked():
        assert is_run_folder(run.path)
    assert is_run_folder(run.path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"run": 1}',
        json.dumps({"run": {}, "parts": []}).encode(),
        b"[" * 10**5,
        b"\xff\xfe",
    ],
    ids=range(8),
)
def test_another_config_makes_no_run(content: bytes, tmp_path: Path) -> None:
    assert not is_run_folder(tmp_path)
    assert not is_run_folder(tmp_path / "nowhere")
    (tmp_path / "config.json").write_bytes(content)
    assert not is_run_folder(tmp_path)
    (tmp_path / "samples").mkdir()
    assert not is_run_folder(tmp_path)


def test_a_config_that_is_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    assert not is_run_folder(tmp_path)
