"""A study that is killed, interrupted or runs on a full disk, here or on Ray, gives the table of one left alone."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganzoo.testing.command_lines import ganzoo
from ganzoo.testing.processes import wait_for
from ganzoo.testing.recording_disk import Disk

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL and groups of processes")
JUDGING = "--metric frechet --samples 200 --judge-width 2 --judge-features 8 --judge-epochs 1 --judge-least-steps 5"
SMALL = f"--dataset digits --dataset-size 8 --steps 12 --batch-size 8 --device cpu --threads 1 {JUDGING}"
GRID = "--grid conditioner=concat,multiply,none --grid loss=bce,hinge"
STUDIES = {
    "grid": f"study cgan cgan-conv {GRID} --seeds 2 {SMALL} --checkpoint-every 4",
    "search": "study cgan --search optimizer-lr=1e-5..1e-2:log --search conditioner=concat,multiply,none --trials 6 "
    f"--objective frechet --seeds 2 {SMALL} --checkpoint-every 4",
}

# The command of the page, here without a GPU.
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to.md"
(PRINTED,) = re.findall(r"^```sh\nganzoo (study .+ --on ray) --out .+\n```", HOW_TO.read_text(encoding="utf-8"), re.M)
RAY = f"{PRINTED} --device cpu --threads 1"


def start(line: str, *words: object, log: Path) -> subprocess.Popen[bytes]:
    """Start ``ganzoo LINE WORDS`` in a group of its own, as a terminal does."""
    with log.open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "ganzoo", *line.split(), *map(str, words)],
            stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip


def finish(line: str, *words: object, log: Path) -> None:
    assert start(line, *words, log=log).wait(1200) == 0, log.read_text(encoding="utf-8")


def moments(process: subprocess.Popen[bytes], folder: Path, pattern: str, more: int) -> None:
    """Wait until there are ``more`` files like this than now, or the process has ended."""
    before = len(list(folder.glob(pattern)))
    while process.poll() is None and len(list(folder.glob(pattern))) < before + more:
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """A function that gives the table of a study that was left alone, one training after the other."""
    tables: dict[str, bytes] = {}

    def table(line: str) -> bytes:
        if line not in tables:
            folder = tmp_path_factory.mktemp("whole")
            finish(line, "--out", folder / "study", log=folder / "log")
            tables[line] = (folder / "study" / "table.csv").read_bytes()
        return tables[line]

    return table


@FORKS
@pytest.mark.long
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_that_is_killed_three_times_has_the_same_table(
    name: str, tmp_path: Path, whole: Callable[[str], bytes], record: Callable[..., None]
) -> None:
    """Variants × conditioners × losses × seeds in one command; each kill is amid two trainings."""
    line, out, log = STUDIES[name], tmp_path / "study", tmp_path / "log"
    expected = whole(line)
    kills = 0
    for number in range(3):
        process = start(line, "--out", out, "--jobs", 2, *(["--resume"] if number else []), log=log)
        moments(process, out, "runs/*/checkpoints/*", 4)
        process.kill()
        kills += process.wait(60) == -signal.SIGKILL
    assert kills == 3
    finish("study --resume --jobs 2", "--out", out, log=log)
    assert (out / "table.csv").read_bytes() == expected
    rows = expected.decode().splitlines()
    record(promise="studies that are killed", study=name, kills=kills, rows=len(rows) - 1, different=0)


# A disk that refuses


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """A line of a study in this process, and its table."""
    line = "study gan-minimal --grid loss=bce,hinge --seeds 1 --dataset ring --dataset-count 200 --steps 2"
    line += " --checkpoint-every 1 --batch-size 8 --device cpu --samples 100 --metric modes"
    out = tmp_path_factory.mktemp("tiny") / "study"
    assert ganzoo(*line.split(), "--out", out).status == 0
    return line, (out / "table.csv").read_bytes()


@pytest.mark.parametrize(
    "refusal",
    [
        (6, errno.ENOSPC, True), (40, errno.EROFS, True),
        *(
            pytest.param((place, code, lasting), marks=pytest.mark.long)
            for place in range(1, 100, 9) for code in (errno.ENOSPC, errno.EACCES) for lasting in (True, False)
        ),
    ],
)  # fmt: skip
def test_a_study_whose_disk_refuses_goes_on_to_the_same_table(
    refusal: tuple[int, int, bool], tmp_path: Path, tiny: tuple[str, bytes]
) -> None:
    line, table = tiny
    out = tmp_path / "study"
    disk = Disk(out, refusal, (errno.ENOSPC,))
    with pytest.MonkeyPatch.context() as patch:
        disk.attach(patch)
        answer = ganzoo(*line.split(), "--out", out)
    assert disk.failed or refusal[0] > len(disk.done)
    assert "Traceback" not in answer.err
    assert answer.status in (0, 1, 2)
    begun = (out / "study.json").exists()
    again = ganzoo(*("study --resume" if begun else line).split(), "--out", out)
    assert again.status == 0, again.err
    assert (out / "table.csv").read_bytes() == table


# On Ray


@pytest.fixture
def ray_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ray with two workers on this machine."""
    ray = pytest.importorskip("ray", reason="needs ganzoo[ray]")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    try:
        ray.init(num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False)
    except Exception as problem:
        pytest.skip(f"Ray cannot start here: {problem}")
    address = ray.get_runtime_context().gcs_address
    monkeypatch.setenv("RAY_ADDRESS", address)
    yield
    ray.shutdown()


@FORKS
@pytest.mark.long
@pytest.mark.usefixtures("ray_here")
def test_a_study_on_two_workers_of_ray_has_the_same_table(tmp_path: Path, whole: Callable[[str], bytes]) -> None:
    log = tmp_path / "log"
    finish(RAY, "--out", tmp_path / "study", log=log)
    assert "on Ray: up to 2 at a time" in log.read_text(encoding="utf-8")
    assert (tmp_path / "study" / "table.csv").read_bytes() == whole(RAY.replace("--on ray", ""))


@FORKS
@pytest.mark.long
@pytest.mark.usefixtures("ray_here")
def test_an_interrupt_ends_the_tasks_of_ray_and_the_study_goes_on_here(
    tmp_path: Path, whole: Callable[[str], bytes]
) -> None:
    out, log, line = tmp_path / "study", tmp_path / "log", f"{RAY} --steps 400"
    process = start(line, "--out", out, log=log)
    wait_for(out / "runs", 300)
    moments(process, out, "runs/*/config.json", 1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(300) == 128 + signal.SIGINT, log.read_text(encoding="utf-8")
    said = log.read_text(encoding="utf-8")
    assert "the study is stopped; to continue:" in said
    assert "Traceback" not in said
    finish("study --resume", "--out", out, log=log)
    assert (out / "table.csv").read_bytes() == whole(line.replace("--on ray", ""))
