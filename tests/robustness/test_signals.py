"""A signal ends a training with a save and a status of its own, whenever it comes."""

from __future__ import annotations

import fcntl
import importlib
import os
import pty
import random
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import pytest

from ganzoo.catalogue import registry
from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.cli import main
from ganzoo.errors import Interrupted
from ganzoo.evaluation.judge_cache import CACHE
from ganzoo.signals import ENDING, SIGNALLED, answered, interruptible
from ganzoo.storage.checkpoint_files import KEY as SAVE
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.storage.run_folder import RunFolder
from ganzoo.storage.sealed import read_sealed
from ganzoo.testing.processes import Forked, forked, wait_for
from ganzoo.training.stop import Stop

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and signals")
SIGNALS = [signal.Signals(number) for number in ENDING]
WORDS = ("train", "gan", "--batch-size", "8", "--steps", "7", "--log-every", "2")
WORDS = (*WORDS, "--generator-widths", "32,32", "--sample-every", "2", "--checkpoint-every", "3")
DIGITS = ("--dataset-size", "8")
STREAMED = (*DIGITS, "--data-budget", "0", "--workers", "1")
EVALUATED = ("--dataset", "ring", "--evaluate-every", "2", "--evaluate-samples", "100", "--metric", "modes")


@dataclass(frozen=True)
class Moment:
    """The ``call``-th call of a function, and what a signal that comes just then should lead to."""

    target: str
    call: int = 1
    more: Sequence[str] = DIGITS
    group: bool = False


# A signal at these ends the command at once: there is nothing to save.
BEFORE = {
    "plugins are looked for": Moment("ganzoo.catalogue.discovery:_loaded", 3),
    "words are understood": Moment("ganzoo.cli.train:selected"),
    "parts are checked": Moment("ganzoo.training.run:assemble"),
    "data is read": Moment("ganzoo.training.setup:open_batches"),
    "workers start": Moment("ganzoo.batches.batches:init_worker", 1, STREAMED, group=True),
    "steps are prepared": Moment("ganzoo.training.trainer:Trainer.prepare"),
    "reference is read": Moment("ganzoo.training.evaluator:open_evaluator", 1, EVALUATED),
    "judge learns": Moment("ganzoo.evaluation.judge_cache:_train", 1, EVALUATED),
    "folder is taken": Moment("ganzoo.storage.run_folder:RunFolder.locked"),
}
# A signal at these lets the step, and what belongs to it, be done and saved.
DURING = {
    "a run begins": Moment("ganzoo.storage.run_folder:RunFolder.write_config"),
    "first picture": Moment("ganzoo.training.observers.picture_files:png"),
    "step": Moment("ganzoo.step.train_step:TrainStep.__call__", 4),
    "step of a group": Moment("ganzoo.step.train_step:TrainStep.__call__", 4, STREAMED, group=True),
    "row of metrics": Moment("ganzoo.training.observers.metrics_file:as_row", 2),
    "evaluation": Moment("ganzoo.training.evaluator:TrainingEvaluator.evaluate", 2, EVALUATED),
    "picture": Moment("ganzoo.training.preview:Preview.draw", 3),
    "checkpoint": Moment("ganzoo.storage.checkpoint_files:write_sealed"),
    "checkpoint's file": Moment("ganzoo.storage.sealed:write_atomically", 2),
    "model": Moment("ganzoo.training.checkpointer:write_model", 2),
}
# By now the last step is done.
AFTER = {
    "last save": Moment("ganzoo.storage.checkpoint_files:write_sealed", 3),
    "animation": Moment("ganzoo.pictures:animate"),
    "last model": Moment("ganzoo.training.checkpointer:write_model", 3),
}


def on_call(target: str, call: int, act: Callable[[], None]) -> None:
    """Let ``act`` happen just before the ``call``-th call of ``module:name`` or ``module:Class.name``."""
    module, path = target.split(":")
    owner = importlib.import_module(module)
    *outer, name = path.split(".")
    for attribute in outer:
        owner = getattr(owner, attribute)
    wrapped, calls = getattr(owner, name), iter(range(1, sys.maxsize))

    @wraps(wrapped)
    def call_it(*positional: object, **named: object) -> object:
        if next(calls) == call:
            act()
        return wrapped(*positional, **named)

    setattr(owner, name, call_it)


def signalled(words: Sequence[str], moment: Moment, number: int, cache: Path) -> None:
    """Run ``ganzoo WORDS``, which gets a signal at a moment; no judge has learnt yet."""
    os.setsid()
    os.environ[CACHE] = str(cache)
    leader = os.getpid()
    registry._in_use.clear()  # the server that this process comes from has looked for plugins already
    on_call(moment.target, moment.call, lambda: (os.killpg if moment.group else os.kill)(leader, number))
    main(list(words))


def assert_sound(folder: RunFolder) -> None:
    """Read all files that bear final names; there is no other."""
    for path in checkpoints(folder.checkpoints):
        read_sealed(path, SAVE, "checkpoint")
    for path in (folder.model, folder.best):
        if path.exists():
            read_sealed(path, MODEL_KEY, "model")
    assert not [path for path in folder.path.rglob(".*") if path.name != ".lock"]


def assert_goes_on(folder: RunFolder, words: Sequence[str], whole: RunFolder, log: Path) -> None:
    """Resume and compare with the run that was not signalled."""
    assert forked(words, log).wait() == 0, log.read_text(encoding="utf-8")
    assert folder.model.read_bytes() == whole.model.read_bytes()
    assert not whole.best.exists() or folder.best.read_bytes() == whole.best.read_bytes()
    assert {path.name for path in folder.samples.iterdir()} == {path.name for path in whole.samples.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str]], RunFolder]:
    """A function that gives the run of the words without a signal."""
    runs: dict[tuple[str, ...], RunFolder] = {}

    def run(more: Sequence[str]) -> RunFolder:
        if tuple(more) not in runs:
            out = tmp_path_factory.mktemp("whole") / "run"
            log = out.with_name("log")
            assert forked([*WORDS, *more, "--out", str(out)], log).wait() == 0, log.read_text(encoding="utf-8")
            runs[tuple(more)] = RunFolder(out)
        return runs[tuple(more)]

    return run


def each(moments: dict[str, Moment]) -> pytest.MarkDecorator:
    """Every moment with every signal; a run of the usual length tries each moment with one."""
    cases = [
        pytest.param(
            name, number, id=f"{name}-{number.name}", marks=[pytest.mark.long] if (place + turn) % len(SIGNALS) else []
        )
        for place, name in enumerate(moments)
        for turn, number in enumerate(SIGNALS)
    ]
    return pytest.mark.parametrize(("name", "number"), cases)


@each(BEFORE)
def test_before_training_a_signal_ends_it_at_once(name: str, number: signal.Signals, tmp_path: Path) -> None:
    moment, out, log = BEFORE[name], tmp_path / "run", tmp_path / "log"
    words = [*WORDS, *moment.more, "--out", str(out)]
    assert Forked(signalled, words, moment, number, tmp_path / "cache", log=log).wait() == SIGNALLED + number
    said = log.read_text(encoding="utf-8")
    assert "interrupted" in said.splitlines()
    assert moment.group or "Traceback" not in said  # torch complains of a worker that died before it left the group
    assert not out.exists()


@each(DURING)
def test_during_training_a_signal_saves(
    name: str, number: signal.Signals, tmp_path: Path, whole: Callable[[Sequence[str]], RunFolder]
) -> None:
    moment, folder, log = DURING[name], RunFolder(tmp_path / "run"), tmp_path / "log"
    words = [*WORDS, *moment.more, "--out", str(folder.path)]
    assert Forked(signalled, words, moment, number, tmp_path / "cache", log=log).wait() == SIGNALLED + number
    said = log.read_text(encoding="utf-8")
    steps = max(int(path.stem.removeprefix("step-")) for path in checkpoints(folder.checkpoints))
    assert f"stopped after {steps} steps and wrote a checkpoint; to continue:\n  ganzoo train" in said
    assert_sound(folder)
    again = next(line for line in said.splitlines() if line.startswith("  ganzoo ")).split()[1:]
    assert_goes_on(folder, again, whole(moment.more), log)


@each(AFTER)
def test_a_signal_after_the_last_step_changes_nothing(
    name: str, number: signal.Signals, tmp_path: Path, whole: Callable[[Sequence[str]], RunFolder]
) -> None:
    moment, folder, log = AFTER[name], RunFolder(tmp_path / "run"), tmp_path / "log"
    words = [*WORDS, *moment.more, "--out", str(folder.path)]
    assert Forked(signalled, words, moment, number, tmp_path / "cache", log=log).wait() == 0, log.read_text(
        encoding="utf-8"
    )
    assert folder.model.read_bytes() == whole(moment.more).model.read_bytes()
    assert_sound(folder)


# While Python still imports


NAMED = """
import os, signal, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), int(sys.argv[2]))
sys.meta_path.insert(0, Watch())
import ganzoo.cli
ganzoo.cli.main(sys.argv[3:])
"""


def imported_while_starting() -> list[str]:
    """Return the modules that a training imports after the command line's own, in order."""
    code = (
        "import sys, ganzoo.cli; before = set(sys.modules)\n"
        "ganzoo.cli.run(sys.argv[1:])\nprint(*[name for name in sys.modules if name not in before])"
    )
    words = [*WORDS, *DIGITS, "--dry-run"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("count", [1, pytest.param(100, marks=pytest.mark.long)])
def test_a_signal_amid_imports_ends_it_at_once(count: int, tmp_path: Path, record: Callable[..., None]) -> None:
    # torch's C code imports numpy, and clears what is raised in there.
    chosen = ["torch", "numpy._distributor_init", "ganzoo.training.run"][:count]
    if count > len(chosen):
        names = imported_while_starting()
        assert len(names) > 500
        chosen += random.Random(count).sample(names, count - len(chosen))
    wrong = {}
    for place, name in enumerate(chosen):
        number = SIGNALS[place % len(SIGNALS)]
        out = tmp_path / str(place)
        line = [sys.executable, "-c", NAMED, name, str(int(number)), *WORDS, *DIGITS, "--out", str(out)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode != SIGNALLED + number or not done.stderr.endswith("interrupted\n") or out.exists():
            wrong[name] = (number.name, done.returncode, done.stderr[-2000:])
    assert not wrong
    record(promise="signals amid imports", modules=count, wrong=0)


@pytest.mark.parametrize("name", ["click", "ganzoo.cli.bench"])
def test_an_interrupt_while_the_command_line_is_imported_is_quiet(name: str) -> None:
    code = NAMED.replace("import ganzoo.cli\nganzoo.cli.main(sys.argv[3:])", "import ganzoo.__main__ as it\nit.main()")
    line = [sys.executable, "-c", code, name, str(int(signal.SIGINT))]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


# A second Ctrl-C


def stuck(words: Sequence[str], target: str, here: Path) -> None:
    """Run ``ganzoo WORDS``, which gets a SIGINT and then comes to something that takes an hour."""

    def act() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        here.touch()
        for _ in range(360_000):
            time.sleep(0.01)

    on_call(target, 3, act)
    main(list(words))


@pytest.mark.parametrize(
    "target",
    [
        "ganzoo.step.train_step:TrainStep.__call__",
        pytest.param("ganzoo.storage.sealed:write_atomically", marks=pytest.mark.long),
        pytest.param("ganzoo.training.preview:Preview.draw", marks=pytest.mark.long),
    ],
)
def test_a_second_interrupt_is_immediate(
    target: str, tmp_path: Path, whole: Callable[[Sequence[str]], RunFolder], record: Callable[..., None]
) -> None:
    folder, log, here = RunFolder(tmp_path / "run"), tmp_path / "log", tmp_path / "here"
    words = [*WORDS, *DIGITS, "--out", str(folder.path)]
    process = Forked(stuck, words, target, here, log=log)
    wait_for(here)
    began = time.perf_counter()
    process.send_signal(signal.SIGINT)
    assert process.wait() == SIGNALLED + signal.SIGINT
    took = time.perf_counter() - began
    assert "interrupted" in log.read_text(encoding="utf-8").splitlines()
    assert_sound(folder)
    assert_goes_on(folder, [*words, "--resume"], whole(DIGITS), log)
    record(promise="a second interrupt", target=target, seconds=round(took, 2))
    assert took < 5, "about one, where nobody else needs the processor"


# Who answers


def test_what_is_ignored_stays_ignored_and_other_answers_come_back() -> None:
    """As under ``nohup``, which ignores SIGHUP."""
    heard: list[int] = []
    before = [signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGUSR1)]
    signal.signal(signal.SIGUSR1, lambda number, _: heard.append(-number))
    try:
        with answered(heard.append):
            for number in (signal.SIGHUP, signal.SIGUSR1):
                signal.raise_signal(number)
        for number in (signal.SIGHUP, signal.SIGUSR1):
            signal.raise_signal(number)
    finally:
        for number, handler in zip((signal.SIGHUP, signal.SIGUSR1), before, strict=True):
            signal.signal(number, handler)
    assert heard == [signal.SIGUSR1, -signal.SIGUSR1]


def test_an_interrupt_that_was_answered_is_not_raised_again() -> None:
    def swallowed() -> None:
        with interruptible():
            with suppress(Interrupted):
                signal.raise_signal(signal.SIGTERM)
            raise ValueError("a library's own words for it")

    with pytest.raises(Interrupted):
        swallowed()
    with pytest.raises(ValueError, match="mine"), interruptible():
        raise ValueError("mine")


def test_only_a_second_interrupt_does_not_wait_for_the_save() -> None:
    stop = Stop()
    with stop.listening():
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGUSR1):
            signal.raise_signal(number)
        assert stop.requested
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)


# A terminal that is closed


def in_terminal(words: Sequence[str], name: str) -> None:
    """Run ``ganzoo WORDS`` in a session of its own, whose terminal has the ``name``."""
    os.setsid()
    terminal = os.open(name, os.O_RDWR)
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for stream in (0, 1, 2):
        os.dup2(terminal, stream)
    os.close(terminal)
    main(list(words))


def test_closing_the_terminal_saves(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    endless = ("--steps", "1000000", "--checkpoint-every", "0")
    words = [*WORDS, *DIGITS, *endless, "--out", str(folder.path)]
    terminal, inside = pty.openpty()
    process = Forked(in_terminal, words, os.ttyname(inside), log=tmp_path / "log")
    try:
        wait_for(folder.samples / "step-00000004.png")
    finally:
        os.close(inside)
        os.close(terminal)
    assert process.wait() != 0  # 129, or 1 where what it had to say found no terminal any more
    assert_sound(folder)
    (saved,) = checkpoints(folder.checkpoints)
    trained = read_sealed(folder.model, MODEL_KEY, "model")[1]["trained"]
    assert int(saved.stem.removeprefix("step-")) == trained["steps"] > 3
