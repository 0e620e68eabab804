"""Processes that read ahead: how they start, which signals they answer, and what is said where they end."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganzoo import signals
from ganzoo.batches.batches import open_batches
from ganzoo.batches.workers import init_worker, starting_explained
from ganzoo.catalogue import DataSpec, Field
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import UserError

SPEC = DataSpec({"image": Field("image", (1, 2, 2))}, "image", "")


class Blank(Dataset):
    """Black images."""

    def __len__(self) -> int:
        return 8

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        return {"image": torch.zeros(len(indices), 1, 2, 2, dtype=torch.uint8)}


class Unsendable(Blank):
    """Has what no other process can get."""

    def __init__(self) -> None:
        self.function = lambda: 0


class Ending(Blank):
    """Ends the process that reads it, unless that is the first one."""

    def __init__(self) -> None:
        self.home = os.getpid()

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        if os.getpid() != self.home:
            os._exit(7)
        return super().read(indices)


@pytest.fixture
def spawning() -> Iterator[None]:
    """Workers start as on Windows and macOS."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


def first_batch(dataset: Dataset) -> None:
    batches = open_batches(dataset, SPEC, 2, 0, "blank", torch.device("cpu"), 0, 1)
    try:
        batches.get(0)
    finally:
        batches.close()


@pytest.mark.usefixtures("spawning")
@pytest.mark.filterwarnings("ignore:Got pickle error")
def test_data_that_cannot_be_sent_to_a_process_is_told() -> None:
    with pytest.raises(UserError, match=r"of blank cannot be started .*top level of a module, or .* --workers 0"):
        first_batch(Unsendable())


def test_a_process_that_ends_is_told() -> None:
    with pytest.raises(UserError, match=r"of blank ended with exit status 7.* --workers 0"):
        first_batch(Ending())


def test_a_server_of_processes_that_has_ended_is_told() -> None:
    def fail() -> None:
        with starting_explained("blank"):
            raise EOFError

    with pytest.raises(UserError, match="if this is a script, put what the script does below `if __name__"):
        fail()


@pytest.mark.parametrize("method", ["spawn", pytest.param("forkserver", marks=pytest.mark.long)])
def test_a_script_without_a_guard_is_told_what_to_write(method: str, tmp_path: Path) -> None:
    script = (
        "import multiprocessing, sys, ganzoo\n"
        f"multiprocessing.set_start_method({method!r}, force=True)\n"
        "sys.excepthook = lambda kind, problem, trace: print(kind.__name__, problem)\n"
        "ganzoo.train('gan', steps=2, batch_size=8, data_budget=0, workers=2, progress=False)\n"
    )
    (tmp_path / "start.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "start.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("UserError the processes that read the data import this script")
    assert 'below `if __name__ == "__main__":`' in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["start.py"], "nothing was written"


def test_a_worker_leaves_the_interrupts_of_a_console_to_the_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows sends Ctrl-C to all processes of a console, and has neither masks of signals nor groups of processes."""
    for owner, name in ((signal, "pthread_sigmask"), (os, "setpgid")):
        monkeypatch.delattr(owner, name, raising=False)
    before = {number: signal.getsignal(number) for number in signals.ENDING}
    try:
        init_worker(0)
        assert {signal.getsignal(number) for number in signals.ENDING} == {signal.SIG_IGN}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_the_signals_that_end_a_process_are_those_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGHUP", "SIGUSR1"):
        monkeypatch.delattr(signal, name, raising=False)
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    assert runpy.run_path(str(signals.__file__))["ENDING"] == (signal.SIGINT, signal.SIGTERM, 21)
