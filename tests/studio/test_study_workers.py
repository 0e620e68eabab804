"""Several trainings of a study at a time: the same table, whatever ends the study; no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganzoo.errors import TrainingFailed
from ganzoo.studio.study.executor import Answer
from ganzoo.studio.study.workers import Workers
from ganzoo.testing.processes import wait_for

LINE = (
    "study", "gan-minimal", "--grid", "loss=bce,hinge", "--seeds", "2", "--dataset", "ring", "--dataset-count", "200",
    "--batch-size", "8", "--device", "cpu", "--samples", "200", "--metric", "modes", "--checkpoint-every", "5",
)  # fmt: skip


@dataclass(frozen=True)
class Wait:
    """Writes the number of its process, and waits for ever, or for a signal."""

    path: Path

    def __call__(self) -> Answer:
        self.path.write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(100)
        return "done"


@dataclass(frozen=True)
class Say:
    """Returns a word."""

    word: str

    def __call__(self) -> Answer:
        return self.word


@dataclass(frozen=True)
class End:
    """Ends its process, as the system does where the memory is full."""

    def __call__(self) -> Answer:
        os._exit(9)


def test_every_job_is_answered_by_name() -> None:
    jobs = iter([(str(number), Say(f"said {number}")) for number in range(5)])
    assert dict(Workers(2, 1).run(lambda: next(jobs, None))) == {str(number): f"said {number}" for number in range(5)}


def test_a_process_that_is_ended_from_outside_is_told() -> None:
    with pytest.raises(TrainingFailed, match="ended from outside"):
        list(Workers(1, 1).run(iter([("end", End()), None]).__next__))


def test_a_signal_is_handed_on_and_no_job_is_begun_after_it(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, threading; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from test_study_workers import Wait; from ganzoo.studio.study.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    folder = Path(sys.argv[1])\n"
        "    jobs = iter([*((n, Wait(folder / n)) for n in ('first', 'second')), None])\n"
        "    print(list(Workers(1, 1).run(jobs.__next__)))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    wait_for(tmp_path / "first")
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=120)[0].strip() == f"[('first', {int(signal.SIGTERM)})]"
    assert not (tmp_path / "second").exists()


@pytest.mark.long
def test_a_worker_ends_with_a_study_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from test_study_workers import Wait; from ganzoo.studio.study.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    list(Workers(1, 1).run(iter([('one', Wait(Path(sys.argv[1]) / 'one')), None]).__next__))\n",
        encoding="utf-8",
    )
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path), str(Path(__file__).parent)])
    wait_for(tmp_path / "one")
    while not (written := (tmp_path / "one").read_text(encoding="utf-8")):
        pass
    process.kill()
    process.wait(60)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(ProcessLookupError):
            os.kill(int(written), 0)
            time.sleep(0.05)
            continue
        return
    pytest.fail("the worker lives on")


@pytest.mark.long
def test_an_interrupt_ends_every_training_after_its_step(tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    words = [sys.executable, "-m", "ganzoo", *LINE, "--steps", "100000", "--jobs", "2", "--out", str(out)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 200
    while len(list(out.glob("runs/*/config.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 128 + signal.SIGINT, said
    assert "the study is stopped; to continue:" in said
    assert "Traceback" not in said
    assert len(list(out.glob("runs/*/checkpoints/*"))) >= 2
