"""One run at a time has a folder, whoever dies; and a model can be read while a run writes it."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.cli import run as command
from ganzoo.errors import UserError
from ganzoo.storage.folder_lock import FolderLock
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.processes import FORKS, Forked, dead_process, forked, wait_for

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


@pytest.mark.parametrize("rounds", [30, pytest.param(2000, marks=pytest.mark.long)])
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


def test_a_folder_that_another_run_has_filled_meanwhile_is_refused(tmp_path: Path) -> None:
    folder = RunFolder.choose(tmp_path / "run", "gan")
    folder.path.mkdir()
    folder.write_config({"run": "another's"})
    with pytest.raises(UserError, match="is not empty"), folder.locked():
        pytest.fail("it has the folder")
    assert not (folder.path / ".owner").exists()
    with folder.locked(resume=True):
        pass


@pytest.mark.parametrize("count", [10, pytest.param(1000, marks=pytest.mark.long)])
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
