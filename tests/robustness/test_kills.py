"""A kill at any moment leaves nothing unreadable, and the run that goes on ends as if it had never been killed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.storage.checkpoint_files import KEY as SAVE
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.storage.model_file import write_model
from ganzoo.storage.run_folder import RunFolder
from ganzoo.storage.sealed import read_sealed
from ganzoo.testing.processes import FORKS, Started, forked, fresh
from ganzoo.text import warn
from ganzoo.training.checkpoints import write_checkpoint
from ganzoo.training.setup import build_trainer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
Record = Callable[..., None]


def newest_step(folder: RunFolder) -> int:
    """Read every file that bears a final name, and return the newest step among the saves."""
    for path in checkpoints(folder.checkpoints):
        read_sealed(path, SAVE, "checkpoint")
    if folder.model.exists():
        read_sealed(folder.model, MODEL_KEY, "model")
    return max((int(path.stem.removeprefix("step-")) for path in checkpoints(folder.checkpoints)), default=0)


def half_written(folder: RunFolder) -> list[Path]:
    """Return the files that no one brought to their final names."""
    return [path for path in folder.path.rglob(".*") if path.name not in (".lock", ".owner")]


# While a process saves


def save_and_be_killed(path: Path, kills: int, seed: int, results: Connection) -> None:
    """Fork processes that save for ever, kill each at a random moment, and send what was found after each kill."""
    moments = random.Random(seed)
    folder = RunFolder(path)
    flags = {"batch_size": 8, "dataset_size": 8, "generator_widths": (32, 32), "discriminator_widths": (32,)}
    selection = select(installed(), "gan", {**flags, "out": path})
    data = check(selection)
    trainer = build_trainer(selection, data, choose_precision("fp32", choose_device("cpu")), SingleProcess(), warn)
    trainer.prepare()

    def save() -> None:
        trainer.advance()
        write_checkpoint(folder.checkpoints, trainer, selection)
        with trainer.train_step.ema.swapped_in() as averaged:
            write_model(folder.model, averaged, selection, data, {"steps": trainer.step})

    path.mkdir()
    save()
    began = time.perf_counter()
    for _ in range(10):
        save()
    span = (time.perf_counter() - began) / 10
    for _ in range(kills):
        trainer.step = newest_step(folder)
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            while True:
                save()
                os.write(told, trainer.step.to_bytes(8, "little"))
        os.close(told)
        done = os.read(heard, 8)
        time.sleep(moments.uniform(0, 2 * span))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(heard, 8):
            done = more
        os.close(heard)
        found = half_written(folder)
        results.send((int.from_bytes(done, "little"), newest_step(folder), len(found)))
        with folder.locked(resume=True):
            assert not half_written(folder)
    results.close()


@pytest.mark.parametrize("count", [8, pytest.param(200, marks=pytest.mark.long)])
def test_kills_during_saves_leave_every_file_whole(count: int, tmp_path: Path, record: Record) -> None:
    found, results = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=save_and_be_killed, args=(tmp_path / "run", count, count, results))
    process.start()
    results.close()
    after = [found.recv() for _ in range(count)]
    process.join()
    assert process.exitcode == 0
    assert all(newest >= done for done, newest, _ in after), "what was saved stays"
    amid = sum(left > 0 for *_, left in after)
    assert amid >= count // 100, "some kills hit files that are being written"
    assert not half_written(RunFolder(tmp_path / "run")), "whoever goes on clears away what they left"
    record(promise="kills during saves", kills=count, unreadable=0, lost=0, amid_a_file=amid)


def test_only_half_written_files_are_cleared_away(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.checkpoints.mkdir()
    names = (".gitignore", ".vscode.settings", ".notes.txt", ".a.txt.abcdefgh.json", "a.txt", "b.part")
    kept = [tmp_path / name for name in names]
    left = [
        tmp_path / ".model.safetensors.ab3_x9zq.part",
        folder.checkpoints / ".step-00000001.safetensors.abcdefgh.part",
    ]
    for path in (*left, *kept):
        path.write_text("text")
    with folder.locked(resume=True):
        assert [path for path in (*left, *kept) if path.exists()] == kept


# Whole runs

LENGTH = ("--steps", "60", "--checkpoint-every", "3", "--log-every", "5", "--sample-every", "20", "--batch-size", "8")
SMALL = ("--dataset-size", "8", "--generator-widths", "32,64", "--discriminator-widths", "32,32")
RUNS = {  # the first two in a quick run
    "streamed": ("cgan", *SMALL, "--data-budget", "0", "--workers", "1"),
    "dcgan": ("dcgan", "--dataset-size", "8", "--generator-width", "8", "--discriminator-width", "8"),
    "gan": ("gan", *SMALL),
    "cgan": ("cgan", *SMALL),
}


def line(run: str, out: Path) -> list[str]:
    return ["train", *RUNS[run], *LENGTH, "--out", str(out)]


def rows(folder: RunFolder) -> list[dict[str, object]]:
    found = [json.loads(text) for text in folder.metrics.read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


def moment_of(folder: RunFolder) -> str:
    """Return at what time of its life a process was killed, by what it left."""
    if not folder.path.exists():
        return "before its folder"
    if half_written(folder):
        return "amid a file"
    step = newest_step(folder)
    return "before a save" if not step else "after the last save" if step == 60 else "between saves"


Start = Callable[[Sequence[str], Path], Started]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Start], tuple[RunFolder, float]]:
    """A function that gives an uninterrupted run, and the seconds that its process took."""
    runs: dict[tuple[str, Start], tuple[RunFolder, float]] = {}

    def whole_run(run: str, start: Start) -> tuple[RunFolder, float]:
        if (run, start) not in runs:
            out = tmp_path_factory.mktemp("whole") / "run"
            began = time.perf_counter()
            assert start(line(run, out), out.with_name("log")).wait() == 0
            runs[run, start] = RunFolder(out), time.perf_counter() - began
        return runs[run, start]

    return whole_run


def killed_and_resumed(
    words: Sequence[str], folder: RunFolder, start: Start, moments: Iterator[float], log: Path
) -> list[str]:
    """Start and kill, at the ``moments`` after the start, and let the run end; return what each kill hit."""
    hits = []
    for moment in moments:
        process = start([*words, "--resume"], log)
        time.sleep(moment)
        process.kill()
        if process.wait() == 0:
            return hits
        hits.append(moment_of(folder))
        newest_step(folder)
    status = start([*words, "--resume"], log).wait()
    assert status == 0, log.read_text(encoding="utf-8")
    return hits


def assert_same_run(folder: RunFolder, other: RunFolder) -> None:
    assert folder.model.read_bytes() == other.model.read_bytes()
    assert rows(folder) == rows(other)
    names = [sorted(path.name for path in run.samples.iterdir()) for run in (folder, other)]
    assert names[0] == names[1]
    assert all((folder.samples / name).read_bytes() == (other.samples / name).read_bytes() for name in names[0])
    assert folder.animation.exists() and folder.curves.exists()
    assert not half_written(folder)


@pytest.mark.parametrize(
    ("start", "count", "kills"),
    [
        pytest.param(forked, 2, 1, id="forked"),
        pytest.param(forked, 84, 3, id="forked-many", marks=pytest.mark.long),
        pytest.param(fresh, 21, 3, id="fresh-many", marks=pytest.mark.long),
    ],
)
def test_killed_runs_end_as_if_they_had_not_been(
    start: Start,
    count: int,
    kills: int,
    tmp_path: Path,
    whole: Callable[[str, Start], tuple[RunFolder, float]],
    record: Record,
) -> None:
    draws = random.Random(count)
    hits: Counter[str] = Counter()
    for number in range(count):
        run = list(RUNS)[number % len(RUNS)]
        other, seconds = whole(run, start)
        folder = RunFolder(tmp_path / f"{number}-{run}")
        moments = iter([draws.uniform(0, seconds) for _ in range(kills)])
        hits.update(killed_and_resumed(line(run, folder.path), folder, start, moments, tmp_path / f"{number}.log"))
        assert_same_run(folder, other)
    assert hits.total() >= count // 2, "most moments lie within the life of a process"
    record(
        promise="killed and resumed runs",
        start=start.__name__,
        runs=count,
        kills=hits.total(),
        different=0,
        **hits,
    )
