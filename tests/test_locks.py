"""One run at a time has a folder, whoever dies; and a model can be read while a run writes it."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from processes import FORKS, Forked, forked, wait_for

from ganzoo.cli import main
from ganzoo.cli import run as command
from ganzoo.errors import UserError
from ganzoo.storage import folder_lock as claim
from ganzoo.storage.files import WriteFailed
from ganzoo.storage.folder_lock import FolderLock
from ganzoo.storage.run_folder import RunFolder

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
RUNNERS = 4
WORDS = ("train", "gan", "--dataset-size", "8", "--generator-widths", "32,32", "--batch-size", "8")
OWNER = re.compile(rf"process (\d+) on {re.escape(socket.gethostname())}")


def train_together(together: Barrier, path: Path, steps: int) -> None:
    """Run a training that takes its folder at the moment when all others do."""
    claimed = RunFolder.locked

    @contextmanager
    def at_once(self: RunFolder, resume: bool = False) -> Iterator[None]:
        together.wait()
        with claimed(self, resume):
            yield

    RunFolder.locked = at_once  # type: ignore[method-assign]
    main([*WORDS, "--steps", str(steps), "--out", str(path)])


@pytest.mark.parametrize("count", [2, pytest.param(100, marks=pytest.mark.long)])
def test_of_several_runs_in_one_folder_one_proceeds(count: int, tmp_path: Path, record: Callable[..., None]) -> None:
    for race in range(count):
        folder, together = RunFolder(tmp_path / f"{race}"), FORKS.Barrier(RUNNERS)
        logs = [tmp_path / f"{race}-{place}.log" for place in range(RUNNERS)]
        runners = [Forked(train_together, together, folder.path, 100, log=log) for log in logs]
        statuses = [runner.wait() for runner in runners]
        said = [log.read_text(encoding="utf-8") for log in logs]
        assert sorted(statuses) == [0, *[2] * (RUNNERS - 1)], said
        winner = runners[statuses.index(0)]
        for status, text in zip(statuses, said, strict=True):
            if status:
                named = OWNER.search(text)
                assert f"the run folder {folder.path} is in use by" in text
                assert named is not None and int(named[1]) == winner.pid, text
        assert folder.model.exists()
        assert not (folder.path / ".owner").exists()
    record(promise="runs in one folder", races=count, proceeded=count, unnamed=0)


def claim_again_and_again(together: Barrier, path: Path, rounds: int, seed: int) -> None:
    """Claim the folder when others do; whoever has it marks the folder, and looks whether it is alone."""
    moments, counted = random.Random(seed), Counter[str]()
    for _ in range(rounds):
        together.wait()
        try:
            mine = FolderLock(path)
        except UserError as problem:
            named = OWNER.search(str(problem))
            counted["named" if named and lives(int(named[1])) else str(problem)] += 1
            together.wait()
        else:
            inside = path / "inside"
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            counted["had it"] += 1
            together.wait()
            inside.unlink()
            if moments.random() < 0.5:  # an owner that died leaves its name
                left = path / ".owner"
                text = left.read_text(encoding="utf-8")
                mine.release()
                left.write_text(text.replace(str(os.getpid()), str(dead_process())), encoding="utf-8")
            else:
                mine.release()
        together.wait()
    sys.stdout.write(json.dumps(counted) + "\n")  # at once: others write to the same log


def lives(process: int) -> bool:
    """Return whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def dead_process() -> int:
    """Return the number of a process that has ended."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


@pytest.mark.parametrize("rounds", [100, pytest.param(2000, marks=pytest.mark.long)])
def test_whoever_is_refused_learns_who_has_the_folder(rounds: int, tmp_path: Path, record: Callable[..., None]) -> None:
    together, log = FORKS.Barrier(RUNNERS), tmp_path / "log"
    (tmp_path / "run").mkdir()
    claimers = [
        Forked(claim_again_and_again, together, tmp_path / "run", rounds, seed, log=log) for seed in range(RUNNERS)
    ]
    assert [claimer.wait(300) for claimer in claimers] == [0] * RUNNERS, log.read_text(encoding="utf-8")
    total: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines():
        total.update(json.loads(line))
    assert total == {"had it": rounds, "named": rounds * (RUNNERS - 1)}
    record(promise="claims of one folder", races=rounds, **total)


@pytest.mark.parametrize("source", [(), ("--data-budget", "0", "--workers", "1")], ids=["memory", "streamed"])
def test_the_folder_of_a_killed_run_is_free(source: tuple[str, ...], tmp_path: Path) -> None:
    folder, log = RunFolder(tmp_path / "run"), tmp_path / "log"
    words = [*WORDS, *source, "--checkpoint-every", "5", "--out", str(folder.path)]
    owner = forked([*words, "--steps", "1000000"], log)
    wait_for(folder.checkpoints / "step-00000005.safetensors")
    refused = forked([*words, "--steps", "1000000", "--resume"], log)
    assert refused.wait() == 2
    assert f"is in use by process {owner.pid} on {socket.gethostname()}" in log.read_text(encoding="utf-8")
    owner.kill()
    owner.wait()
    assert (folder.path / ".owner").exists(), "who was killed could not take its name away"
    again = forked([*words, "--steps", "1000000", "--resume"], log)
    while (folder.path / ".owner").read_text(encoding="utf-8") != f"process {again.pid} on {socket.gethostname()}":
        assert again.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.01)
    again.send_signal(signal.SIGTERM)
    assert again.wait() == 128 + signal.SIGTERM


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


def test_a_folder_that_another_run_has_filled_meanwhile_is_refused(tmp_path: Path) -> None:
    folder = RunFolder.choose(tmp_path / "run", "gan")
    folder.path.mkdir()
    folder.write_config({"run": "another's"})
    with pytest.raises(UserError, match="is not empty"), folder.locked():
        pytest.fail("it has the folder")
    assert not (folder.path / ".owner").exists()
    with folder.locked(resume=True):
        pass


@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.long)])
def test_a_model_is_read_whole_while_its_run_writes_it(
    count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], record: Callable[..., None]
) -> None:
    folder, log = RunFolder(tmp_path / "run"), tmp_path / "log"
    endless = ("--steps", "10000000", "--checkpoint-every", "1", "--log-every", "1000", "--sample-every", "100000")
    process = forked(["train", "gan", "--dataset", "ring", *WORDS[4:], *endless, "--out", str(folder.path)], log)
    wait_for(folder.model)
    versions, statuses = set(), Counter[int]()
    for place in range(count):
        versions.add(folder.model.stat().st_mtime_ns)
        words = ["sample", str(folder.path), "--out", str(tmp_path / "samples.png")]
        if place % 15 == 14:
            words = ["evaluate", str(folder.path), "--samples", "100", "--metric", "modes"]
        statuses[command(words)] += 1
    assert process.poll() is None, log.read_text(encoding="utf-8")
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert statuses == {0: count}, capsys.readouterr().err
    assert len(versions) > min(count, 100) // 2, "it should have been written anew all the time"
    record(promise="reads while it is written", reads=count, failed=0, models_seen=len(versions))
