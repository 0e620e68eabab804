"""A full, broken or read-only disk loses nothing: there is the old file or the new one, and one sentence."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ganzoo.catalogue import installed, select
from ganzoo.cli import run as command
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.testing.observers import StopAt
from ganzoo.testing.recording_disk import Disk
from ganzoo.testing.run_files import unsound
from ganzoo.training.run import train

SMALL = {"dataset_size": 8, "batch_size": 8, "steps": 4, "log_every": 1, "sample_every": 2, "checkpoint_every": 1}
WORDS = [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))]
TRAIN = ["train", "gan-minimal", *WORDS, "--device", "cpu"]
JUDGE = "--metric frechet --judge-width 2 --judge-features 8 --judge-epochs 1 --judge-least-steps 5 --samples 60"
FULL = (errno.ENOSPC, errno.EDQUOT)
LEFT_OUT = "ganzoo: left out"


@dataclass(frozen=True)
class Trained:
    """A whole run, and one that was stopped after its second step."""

    whole: Path
    stopped: Path

    @property
    def model(self) -> bytes:
        return (self.whole / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    for name, watchers in (("whole", []), ("stopped", [StopAt(2)])):
        train(select(installed(), "gan-minimal", {**SMALL, "device": "cpu", "out": folder / name}), watchers)
    return Trained(folder / "whole", folder / "stopped")


OF_JUDGES = ("ganzoo: the judge is used, but not cached", "ganzoo: the judge is of little use")


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    status: int
    out: str
    err: str

    def faults(self) -> list[str]:
        """Return what nobody should be told, and what should have been."""
        told = [line for line in self.err.splitlines() if line.startswith("ganzoo: ")]
        failed = [line for line in told if not line.startswith((LEFT_OUT, *OF_JUDGES))]
        return [
            *(["a traceback"] if "Traceback" in self.out + self.err else []),
            *([f"status {self.status}"] if self.status not in (0, 1, 2) else []),
            *([f"{len(failed)} sentences: {failed}"] if len(failed) != bool(self.status) else []),
            *(["the sentence is not the last line"] if self.status and self.err.splitlines()[-1:] != failed else []),
        ]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def asked(*words: object) -> Answer:
        capsys.readouterr()
        status = command([str(word) for word in words])
        return Answer(status, *capsys.readouterr())

    return asked


Ask = Callable[..., Answer]


# Every write fails once


def every(quick: Sequence[tuple[int, int, bool]], count: int) -> list[Any]:
    """Some refusals, and in the long form all of them: (which operation, error, whether for good)."""
    errors = (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EIO, errno.EDQUOT)
    rest = [case for case in product(range(1, count + 1), errors, (True, False)) if case not in quick]
    named = [
        (*case, f"{case[0]}-{errno.errorcode[case[1]]}-{'lasting' if case[2] else 'once'}") for case in [*quick, *rest]
    ]
    return [pytest.param(case[:3], id=case[3], marks=[] if case[:3] in quick else [pytest.mark.long]) for case in named]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(disk: Disk, act: Callable[[], Answer]) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        disk.attach(patch)
        return act()


def leftovers(refusal: tuple[int, int, bool]) -> bool:
    """Return whether what was begun cannot be removed either; where it was the removal that failed, once, as well."""
    return refusal[1] not in FULL


@pytest.mark.parametrize(
    "refusal",
    every(
        [
            (3, errno.ENOSPC, True), (12, errno.EACCES, False), (21, errno.EROFS, True), (30, errno.EIO, False),
            (39, errno.ENOSPC, True),
        ],
        50,
    ),
)  # fmt: skip
@pytest.mark.parametrize("resume", [False, True], ids=["train", "resume"])
def test_a_training_whose_disk_refuses(
    refusal: tuple[int, int, bool],
    resume: bool,
    tmp_path: Path,
    trained: Trained,
    ask: Ask,
    record: Callable[..., None],
) -> None:
    run = tmp_path / "run"
    words = [*TRAIN, "--out", run, "--resume"] if resume else [*TRAIN, "--out", run]
    if resume:
        shutil.copytree(trained.stopped, run)
    disk = Disk(tmp_path, refusal, FULL)
    before = contents(run)
    found = refused(disk, lambda: ask(*words))
    assert disk.failed
    assert found.faults() == []
    assert unsound(run, leftovers(refusal)) == []
    after = contents(run)
    # Checkpoints are pruned, and nothing else ever goes.
    assert {path for path in before if path not in after and path.parent.name != "checkpoints"} == set()
    assert len(checkpoints(run / "checkpoints")) >= len([path for path in before if path.parent.name == "checkpoints"])
    if not found.status:
        assert (run / "model.safetensors").read_bytes() == trained.model
    # The disk works again.
    again = ask(*TRAIN, "--out", run, "--resume")
    assert (again.status, again.faults(), unsound(run)) == (0, [], [])
    assert (run / "model.safetensors").read_bytes() == trained.model
    assert [row["step"] for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines())] == [1, 2, 3, 4]
    record(promise="a disk that refuses loses nothing", command="resume" if resume else "train", refusals=disk.failed)


@pytest.mark.parametrize(
    "refusal",
    every([(1, errno.EROFS, True), (2, errno.ENOSPC, True), (3, errno.EIO, False), (4, errno.EACCES, True)], 5),
)
@pytest.mark.parametrize("name", ["made.png", "made.npz"])
def test_samples_whose_disk_refuses(
    refusal: tuple[int, int, bool], name: str, tmp_path: Path, trained: Trained, ask: Ask
) -> None:
    (tmp_path / name).write_bytes(b"old")
    disk = Disk(tmp_path, refusal, FULL)
    found = refused(disk, lambda: ask("sample", trained.whole, "--count", "4", "--out", tmp_path / name))
    assert disk.failed
    assert (found.faults(), found.status) == ([], 2)
    assert name in found.err
    assert unsound(tmp_path, leftovers(refusal)) == [] or (tmp_path / name).read_bytes() == b"old"
    if refusal[0] < 5:  # the last one is that of the folder, when the new file has been put in its place
        assert (tmp_path / name).read_bytes() == b"old"
    assert ask("sample", trained.whole, "--count", "4", "--out", tmp_path / name).status == 0
    assert unsound(tmp_path, leftovers=True) == []


@pytest.mark.parametrize(
    "refusal",
    every([(1, errno.EROFS, True), (5, errno.ENOSPC, True), (9, errno.EIO, False), (12, errno.EACCES, True)], 22),
)
def test_a_folder_of_samples_is_there_whole_or_not_at_all(
    refusal: tuple[int, int, bool], tmp_path: Path, trained: Trained, ask: Ask
) -> None:
    words = ("sample", trained.whole, "--count", "4", "--out", tmp_path / "made")
    disk = Disk(tmp_path, refusal, FULL)
    found = refused(disk, lambda: ask(*words))
    assert disk.failed
    assert (found.faults(), found.status) == ([], 2)
    pictures = [path for path in contents(tmp_path) if path.suffix == ".png"]
    assert unsound(tmp_path, leftovers(refusal)) == []
    if leftovers(refusal) and refusal[2]:
        return  # nothing can be removed from such a disk
    assert pictures == []
    assert ask(*words).status == 0
    assert len(list((tmp_path / "made").iterdir())) == 4


@pytest.mark.parametrize(
    "refusal",
    every([(1, errno.EROFS, True), (3, errno.EACCES, True), (6, errno.ENOSPC, True), (11, errno.EIO, False)], 14),
)
def test_an_evaluation_whose_cache_refuses(
    refusal: tuple[int, int, bool], tmp_path: Path, trained: Trained, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("evaluate", trained.whole, *JUDGE.split(), "--json", "--device", "cpu")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "usual"))
    usual = json.loads(ask(*words).out)
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    disk = Disk(tmp_path / "cache", refusal, FULL)
    found = refused(disk, lambda: ask(*words))
    assert disk.failed
    assert (found.faults(), found.status) == ([], 0)
    assert found.err.count("not cached") <= 1
    assert (json.loads(found.out) | {"seconds": 0}) == usual | {"seconds": 0}
    assert unsound(tmp_path / "cache", leftovers(refusal)) == []
    assert ask(*words).status == 0


def test_the_sentence_says_what_stands_and_how_to_go_on(tmp_path: Path, ask: Ask) -> None:
    disk = Disk(tmp_path / "run", freeing=FULL)
    whole = refused(disk, lambda: ask(*TRAIN, "--out", tmp_path / "run"))
    assert whole.status == 0
    third = next(place for place, (_, path) in enumerate(disk.done, 1) if "step-00000003.safe" in path.name)
    for number, stands in ((third + 1, "the newest checkpoint is that of step 2"), (8, "there is no checkpoint yet")):
        run = tmp_path / f"run-{number}"
        found = refused(Disk(run, (number, errno.ENOSPC, True), FULL), lambda run=run: ask(*TRAIN, "--out", run))
        sentence = found.err.splitlines()[-1]
        assert found.status == 1
        for words in (str(run), "cannot be written (No space left on device)", stands, "--resume"):
            assert words in sentence


def test_pictures_that_cannot_be_written_are_left_out_and_told_once(
    tmp_path: Path, trained: Trained, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("ganzoo.training.observers.picture_files.png", full)
    found = ask(*TRAIN, "--out", tmp_path / "run")
    assert (found.status, found.faults(), found.err.count(LEFT_OUT)) == (0, [], 2)  # pictures, and curves
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == trained.model


@pytest.mark.long
def test_events_of_tensorboard_that_cannot_be_written_are_left_out(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    # The library writes in a thread of its own, and what Python says of that shows in a process alone.
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))"
    program = f"{limited}; from ganzoo.cli import main; main()"
    often = ["--checkpoint-every", "0", "--sample-every", "1", "--steps", "15", "--tensorboard"]
    words = [sys.executable, "-c", program, *TRAIN, *often, "--out", str(tmp_path / "run")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = Answer(done.returncode, done.stdout, done.stderr)
    assert (found.status, found.faults(), found.err.count(LEFT_OUT)) == (0, [], 2)  # events, and the animation
    assert "Exception" not in found.err


def test_a_failure_whose_save_fails_as_well_tells_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ganzoo.training.trainer import Trainer

    plain, disk = Trainer.advance, Disk(tmp_path, freeing=FULL)

    def step(self: Trainer) -> None:
        if self.step == 2:
            disk.refused = (1, errno.ENOSPC, True)
            raise UserError("the picture 17.png cannot be read")
        plain(self)

    monkeypatch.setattr(Trainer, "advance", step)
    selection = select(installed(), "gan-minimal", {**SMALL, "out": tmp_path / "run", "device": "cpu"})
    with monkeypatch.context() as patch:
        disk.attach(patch)
        with pytest.raises(TrainingFailed) as failed:
            train(selection)
    said = str(failed.value)
    for words in (
        "17.png cannot be read",
        "it could not be saved",
        "No space left",
        "the newest checkpoint is that of step 2",
    ):
        assert words in said
    assert unsound(tmp_path / "run") == []


# A disk that is full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A function that gives a disk of so many KiB, and makes that disk larger when it is asked again."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def sized(kibibytes: int) -> Path:
        options = f"size={kibibytes}k" + (",remount" if os.path.ismount(folder) else "")
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("a small disk can be mounted by root on Linux alone")
        return folder

    yield sized
    if os.path.ismount(folder):
        subprocess.run(["umount", folder], check=True)


def sizes(*quick: int) -> list[Any]:
    return [
        size if size in quick else pytest.param(size, marks=pytest.mark.long)
        for size in sorted({*quick, *range(4, 120, 12), *range(120, 2200, 40)})
    ]


@pytest.mark.parametrize("size", sizes(8, 160, 800, 1480))
def test_a_disk_that_becomes_full(
    size: int, small_disk: Callable[[int], Path], trained: Trained, ask: Ask, record: Callable[..., None]
) -> None:
    run = small_disk(size) / "run"
    found = ask(*TRAIN, "--out", run)
    assert (found.faults(), unsound(run)) == ([], [])
    assert "No space left on device" in found.err or (found.status == 0 and size > 1400)
    stood = len(checkpoints(run / "checkpoints"))
    assert ("the newest checkpoint is that of step" in found.err) == (found.status == 1 and stood > 0)
    small_disk(64 * 1024)
    again = ask(*TRAIN, "--out", run, "--resume")
    assert (again.status, again.faults(), unsound(run)) == (0, [], [])
    assert (run / "model.safetensors").read_bytes() == trained.model
    record(promise="a full disk loses nothing", failed=found.status, same_at_the_end=1)


@pytest.mark.parametrize(
    "limit",
    [
        200_000,
        *(pytest.param(limit, marks=pytest.mark.long) for limit in (1, 500, 2_000, 16_000, 60_000, 122_000, 446_000)),
    ],
)  # fmt: skip
def test_files_that_may_not_become_so_large(
    limit: int, tmp_path: Path, trained: Trained, ask: Ask, record: Callable[..., None]
) -> None:
    run = tmp_path / "run"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        found = ask(*TRAIN, "--out", run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (found.status, found.faults(), unsound(run)) == (1, [], [])
    assert "File too large" in found.err
    again = ask(*TRAIN, "--out", run, "--resume")
    assert (again.status, unsound(run)) == (0, [])
    assert (run / "model.safetensors").read_bytes() == trained.model
    record(promise="a limit on the size of files loses nothing", same_at_the_end=1)


# A disk that may only be read


@dataclass(frozen=True)
class Stranger:
    """A process that may not write into ``folder``; root gives up its right to write everywhere."""

    folder: Path

    def asks(self, *lines: Sequence[object]) -> list[Answer]:
        """Return what it answers to command lines."""
        program = (
            "import contextlib, io, json, sys\nfrom ganzoo.cli import run\n"
            "for words in json.loads(sys.argv[1]):\n"
            "    out, err = io.StringIO(), io.StringIO()\n"
            "    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):\n"
            "        status = run(words)\n"
            "    print(json.dumps([status, out.getvalue(), err.getvalue()]))\n"
        )
        humble = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
        words = json.dumps([[str(word) for word in line] for line in lines])
        cache = {**os.environ, "GANZOO_CACHE": str(self.folder / "cache")}
        done = subprocess.run(
            [*humble, sys.executable, "-c", program, words], env=cache, capture_output=True, text=True, check=True
        )
        return [Answer(*json.loads(answer)) for answer in done.stdout.splitlines()]


@pytest.fixture
def stranger(tmp_path: Path, trained: Trained) -> Iterator[Stranger]:
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may write everywhere, and there is no setpriv to give that up")
    shutil.copy(trained.whole / "model.safetensors", tmp_path)
    tmp_path.chmod(0o555)
    yield Stranger(tmp_path)
    tmp_path.chmod(0o755)


def test_folders_without_permission(stranger: Stranger) -> None:
    before, folder = contents(stranger.folder), stranger.folder
    model = folder / "model.safetensors"
    refused, sampled, judged = stranger.asks(
        [*TRAIN, "--out", folder / "run"],
        ["sample", model, "--count", "4", "--out", folder / "made.png"],
        ["evaluate", model, *JUDGE.split(), "--json", "--device", "cpu"],
    )
    assert (refused.status, refused.faults()) == (2, [])
    assert "not writable" in refused.err
    assert (sampled.status, sampled.faults()) == (2, [])
    assert "Permission denied" in sampled.err
    assert (judged.status, judged.faults()) == (0, [])
    assert judged.err.count("not cached") == 1
    assert json.loads(judged.out)["figures"]
    assert contents(folder) == before


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """A function that makes a folder one that can only be read, for root as well."""
    bound: list[Path] = []

    def bind(folder: Path) -> None:
        try:
            subprocess.run(["mount", "--bind", folder, folder], check=True, capture_output=True)
            bound.append(folder)
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("a folder can be made read-only for root by root on Linux alone")

    yield bind
    for folder in bound:
        subprocess.run(["umount", folder], check=True)


def test_a_run_on_a_read_only_disk_is_as_it_was(
    read_only: Callable[[Path], None], tmp_path: Path, trained: Trained, ask: Ask
) -> None:
    shutil.copytree(trained.stopped, tmp_path / "disk" / "run")
    before = contents(tmp_path)
    read_only(tmp_path / "disk")
    for words in (
        [*TRAIN, "--out", tmp_path / "disk" / "run", "--resume"],
        [*TRAIN, "--out", tmp_path / "disk" / "new"],
    ):
        found = ask(*words)
        assert (found.status, found.faults()) == (2, [])
        assert "Read-only file system" in found.err or "not writable" in found.err
    assert contents(tmp_path) == before
    assert ask("sample", tmp_path / "disk" / "run", "--out", tmp_path / "made.png").status == 0


def test_a_judge_is_read_from_a_read_only_cache(
    read_only: Callable[[Path], None], tmp_path: Path, trained: Trained, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    words = ("evaluate", trained.whole, *JUDGE.split(), "--json", "--device", "cpu")
    assert ask(*words).status == 0
    read_only(tmp_path / "cache")
    before = contents(tmp_path / "cache")
    found = ask(*words)
    assert (found.status, found.faults()) == (0, [])
    assert "not cached" not in found.err
    assert "training the judge" not in found.err
    assert contents(tmp_path / "cache") == before


# Nobody reads the answer


def commands(model: Path) -> list[list[object]]:
    return [
        ["--help"], ["--version"], ["list"], ["list", "--json"], ["plugins"], ["plugins", "--json"], ["info", "dcgan"],
        ["info", "dcgan", "--json"], ["info", "digits"], ["train", "--help"], ["train", "gan-minimal", "--help"],
        ["evaluate", model, *JUDGE.split(), "--json", "--device", "cpu"],
        ["evaluate", model, *JUDGE.split(), "--device", "cpu"], ["doctor"],
        ["bench", "gan-minimal", "--steps", "2", "--json"],
    ]  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("number", [3, 10, *(pytest.param(n, marks=pytest.mark.long) for n in range(15) if n != 3)])
def test_an_answer_that_cannot_be_written(number: int, trained: Trained) -> None:
    words = [sys.executable, "-m", "ganzoo", *map(str, commands(trained.whole)[number])]
    with open("/dev/full", "w", encoding="utf-8") as full:
        found = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        told = [line for line in found.stderr.splitlines() if line.startswith("ganzoo: ")]
        assert found.returncode == 1
        assert told[-1:] == ["ganzoo: the output cannot be written: No space left on device"]
        assert "\n".join(told).count("cannot be written") == 1
        assert "Traceback" not in found.stderr
        assert "Exception" not in found.stderr
        heard = subprocess.run(words, stdout=subprocess.PIPE, stderr=full, text=True, check=False)
        usual = subprocess.run(words, capture_output=True, text=True, check=False)
    assert heard.returncode == usual.returncode
    assert bool(heard.stdout) == bool(usual.stdout)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_complaint_that_nobody_hears_is_no_other_failure() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        words = [sys.executable, "-m", "ganzoo", "lsit"]
        assert subprocess.run(words, stdout=full, stderr=full, check=False).returncode == 2


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_training_that_nobody_hears_goes_on(tmp_path: Path, trained: Trained) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        words = [sys.executable, "-m", "ganzoo", *TRAIN, "--out", str(tmp_path / "run")]
        assert subprocess.run(words, stdout=full, stderr=full, check=False).returncode == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == trained.model


def test_streams_that_were_closed_before(tmp_path: Path) -> None:
    shell = 'exec "$0" -m ganzoo "$@"'
    for closed, words in ((">&-", ["info", "dcgan"]), ("2>&-", ["list", "--json"]), ("<&- 2>&-", ["list", "--json"])):
        found = subprocess.run(
            ["sh", "-c", f"{shell} {closed}", sys.executable, *words], capture_output=True, text=True, check=False
        )
        assert (found.returncode, found.stderr) == (0, "")


def test_what_libraries_say_never_reaches_the_results_where_standard_error_is_closed() -> None:
    code = (
        "import os; from ganzoo.cli.streams import prepare_streams; prepare_streams(); "
        "os.write(1, b'noise'); os.write(2, b'noise'); print('result')"
    )
    found = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "result\n")


def test_the_disk_of_these_tests_sees_everything(tmp_path: Path, ask: Ask) -> None:
    """What it does not see it could not refuse: every file that is there at the end was seen to be made."""
    disk = Disk(tmp_path)
    refused(disk, lambda: ask(*TRAIN, "--out", tmp_path / "run"))
    seen = {path for name, path in disk.done if name in ("open", "rename", "make")}
    assert set(tmp_path.rglob("*")) <= seen
    assert {name for name, _ in disk.done} == {"make", "open", "write", "sync", "rename", "remove"}
