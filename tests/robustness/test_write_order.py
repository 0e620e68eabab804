"""A checkpoint is durable: content, sync, rename, sync of the folder, in this order."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ganzoo.catalogue import installed, select
from ganzoo.testing.recording_disk import TEMPORARY, Disk, Operation
from ganzoo.training.observers import Observer
from ganzoo.training.run import Run, train

SMALL = {"dataset_size": 8, "batch_size": 8, "steps": 4, "log_every": 1, "sample_every": 2, "checkpoint_every": 1}
EVALUATED = {"evaluate_every": 2, "evaluate_samples": 300, "metric": "kernel", "judge": "plain"}
IN_PLACE = {"metrics.jsonl", ".lock"}  # grows by lines; is empty
SAVED = {"config.json", "model.safetensors", "best.safetensors", "metrics.jsonl", "curves.png", "samples.gif"}
OURS = re.compile("|".join(map(re.escape, SAVED)) + r"|step-\d+\..*")


def trained(out: Path, watchers: Sequence[Observer] = (), resume: bool = False, **flags: object) -> Run:
    selection = select(installed(), "gan-minimal", {**SMALL, "device": "cpu", "out": out, **flags})
    return train(selection, watchers, resume)


# The order


def out_of_order(done: Sequence[Operation]) -> Iterator[str]:
    """Yield what is not durable in what was done: (name, path), where a rename tells where to.

    Each file is written beside its place, synced, renamed, and its folder synced before anything else is touched; each
    new folder is synced into the one above it.
    """
    unsynced: dict[str, str] = {}  # temporary file by its final name: what was done to it last
    in_place: dict[Path, str] = {}  # files that were written in their place
    owed: Path | None = None  # the folder that must be synced now
    for name, path in done:
        if owed is not None:
            if (name, path) == ("sync", owed):
                owed = None
                continue
            yield f"{name} {path} before {owed} was synced"
            owed = None
        if name == "make":
            owed = path.parent
        elif match := re.fullmatch(r"\.(.+)\.[0-9a-f]{8}\.part", path.name):
            unsynced[str(path.with_name(match[1]))] = name
        elif name == "rename":
            last = unsynced.pop(str(path), "nothing")
            if last != "sync":
                yield f"{path} was put in place after {last}"
            owed = path.parent
        elif name in ("open", "write") and path.name not in IN_PLACE:
            in_place[path] = f"{path} was written in its place"
        elif name == "remove" and not OURS.fullmatch(path.name):
            in_place.pop(path, None)  # a library's probe of the file system, gone at once
    if owed is not None:
        yield f"{owed} was not synced at the end"
    yield from in_place.values()
    yield from (f"{path} was not put in place after {last}" for path, last in unsynced.items() if last != "remove")


def test_a_training_writes_in_the_right_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path)
    with monkeypatch.context() as patch:
        disk.attach(patch)
        trained(tmp_path / "deep" / "run", **EVALUATED)
    made = [path for name, path in disk.done if name == "make"]
    # Two folders are made at once: the one above is synced first.
    assert list(out_of_order(disk.done)) == []
    renamed = {path.name for name, path in disk.done if name == "rename"}
    assert renamed >= {*SAVED, "step-00000001.safetensors", "step-00000004.png"}
    assert [path.name for path in made] == ["deep", "run", "samples", "checkpoints"]


@pytest.mark.parametrize(
    "done",
    [
        [("open", "/r/.f.01234567.part"), ("write", "/r/.f.01234567.part"), ("rename", "/r/f"), ("sync", "/r")],
        [("sync", "/r/.f.01234567.part"), ("write", "/r/.f.01234567.part"), ("rename", "/r/f"), ("sync", "/r")],
        [("sync", "/r/.f.01234567.part"), ("rename", "/r/f")],
        [("sync", "/r/.f.01234567.part"), ("rename", "/r/f"), ("remove", "/r/g"), ("sync", "/r")],
        [("sync", "/r/.f.01234567.part"), ("rename", "/r/f"), ("sync", "/r"), ("write", "/r/.f.01234567.part")],
        [("make", "/r/f"), ("open", "/r/f/.g.01234567.part")],
        [("open", "/r/model.safetensors")],
        [("open", "/r/model.safetensors"), ("remove", "/r/model.safetensors")],
        [("write", "/r/step-00000001.safetensors"), ("remove", "/r/step-00000001.safetensors")],
        [("open", "/r/of-a-library")],
    ],
)
def test_another_order_would_be_seen(done: list[tuple[str, str]]) -> None:
    assert list(out_of_order([(name, Path(path)) for name, path in done]))


def test_a_probe_of_a_library_that_is_gone_at_once_is_in_order() -> None:
    probe = Path("/r/of-a-library")
    assert not list(out_of_order([("open", probe), ("write", probe), ("remove", probe)]))


def test_a_log_of_the_system_tells_files_with_a_name_from_those_without() -> None:
    log = """
7 openat(AT_FDCWD</r>, "/r", O_RDWR|O_EXCL|O_CLOEXEC|O_TMPFILE, 0600) = 3</r/#12>(deleted)
7 openat(AT_FDCWD</r>, "/r/model.safetensors", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3</r/model.safetensors>
7 openat(AT_FDCWD</r>, "/r/config.json", O_RDONLY|O_CLOEXEC) = 3</r/config.json>
"""
    assert list(system_calls(log, Path("/r"))) == [("open", Path("/r/model.safetensors"))]


@pytest.mark.skipif(not TEMPORARY, reason="this system makes no nameless files")
def test_a_nameless_file_is_no_file_and_a_named_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path)
    with monkeypatch.context() as patch:
        disk.attach(patch)
        try:
            os.close(os.open(tmp_path, TEMPORARY | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError:
            pytest.skip("this file system makes no nameless files")
        assert not disk.done
        os.close(os.open(tmp_path / "model.safetensors", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    assert disk.done == [("open", tmp_path / "model.safetensors")]


CALLS = "openat,open,creat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,ftruncate"


def system_calls(log: str, folder: Path) -> Iterator[Operation]:
    """Yield what the kernel was asked to do below ``folder``, of what strace wrote down, and was not refused."""
    for line in log.splitlines():
        call = re.match(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)", line)
        if call is None or call[3].startswith("-"):
            continue
        name, words = call[1], call[2]
        quoted, opened = re.findall(r'"([^"]*)"', words), re.match(r"\d+<([^>]*)>", words)
        path = Path(quoted[-1]) if quoted and name not in ("write", "pwrite64") else Path(opened[1] if opened else "/")
        if not path.is_relative_to(folder):
            continue
        if name in ("openat", "open", "creat"):
            nameless = "O_TMPFILE" in words and "O_EXCL" in words
            if re.search("O_WRONLY|O_RDWR|O_CREAT", words) and not nameless:
                yield "open", path
        else:
            plain = {
                "pwrite64": "write",
                "fsync": "sync",
                "fdatasync": "sync",
                "unlink": "remove",
                "ftruncate": "write",
            }
            yield plain.get(name, name.removesuffix("2").removesuffix("at").replace("mkdir", "make")), path


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.long
@pytest.mark.parametrize("steps", [2, 20])
def test_the_system_is_asked_in_the_right_order(steps: int, tmp_path: Path, record: Callable[..., None]) -> None:
    log, run = tmp_path / "log", tmp_path / "run"
    flags = {**SMALL, "steps": steps, "device": "cpu", "out": run, "sample_every": 1}
    words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = ["strace", "-f", "--seccomp-bpf", "-y", "-qq", "-s", "0", "-e", f"trace={CALLS}", "-e", "signal=none"]
    # No strings of content, but whole names: -s 0 cuts the former alone.
    command += ["-o", str(log), sys.executable, "-m", "ganzoo", "train", "gan-minimal", *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode and not run.exists():
        pytest.skip(f"strace does not work here: {answer.stderr[-200:]}")
    assert answer.returncode == 0
    done = list(system_calls(log.read_text(errors="replace"), tmp_path))
    done = [(name, path) for name, path in done if path != log]
    assert list(out_of_order(done)) == []
    saves = [path for name, path in done if name == "rename" and path.parent.name == "checkpoints"]
    assert len(saves) == steps
    assert {path.name for name, path in done if name == "rename"} >= SAVED - {"best.safetensors"}
    record(promise="a save is durable", renames=sum(name == "rename" for name, _ in done), out_of_order=0)


# The metrics


def steps(run: Run) -> list[int]:
    return [json.loads(line)["step"] for line in run.folder.metrics.read_text().splitlines()]
