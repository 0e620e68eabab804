"""Hostile and damaged checkpoints: each ends in one sentence, quickly, in little memory, and nothing of it is run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.catalogue import installed, select
from ganzoo.errors import UserError
from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.studio.conversion.convert import convert
from ganzoo.studio.conversion.pickles import Reader, Unreadable
from tests.robustness.hostile_checkpoints import (
    ABSURD,
    BOMBS,
    CANARY,
    KERAS,
    LIES,
    SOUND,
    attempt,
    damaged,
    damaged_keras,
    legacies,
    legacy,
    programs,
    programs_beside,
    zipped_pickle,
    zips,
)

FORMS = pytest.mark.parametrize("form", [zipped_pickle, legacy], ids=["zip", "legacy"])
FORMS_OF_BOMBS = pytest.mark.parametrize(
    "form", [legacy, pytest.param(zipped_pickle, marks=pytest.mark.long)], ids=["legacy", "zip"]
)
SLOWEST = 20  # seconds of a processor that any file may take; others may be at work on the machine


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """A folder in which no file may appear, with a module in it that may not be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{CANARY}.py").write_text("x = print")
    yield
    assert [path.name for path in tmp_path.iterdir()] == [f"{CANARY}.py"]
    assert CANARY not in sys.modules


def refusal(content: bytes) -> str:
    """Return the one sentence that refuses a checkpoint."""
    told = attempt(content)
    assert told
    assert told.isprintable()
    assert len(told) < 600
    return told


@pytest.mark.parametrize("content", [*SOUND, KERAS], ids=["zip", "legacy", "keras"])
def test_the_sound_ones_are_taken(content: bytes) -> None:
    """What is refused below is not refused because everything is."""
    assert attempt(content) == ""


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_what_asks_to_be_run_is_refused_by_name(zipped: bool) -> None:
    asked = list(programs(zipped))
    assert len(asked) > 50
    assert [(name, told) for name, content in asked if name not in (told := refusal(content))] == []


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_what_asks_to_be_run_beside_the_weights_is_named_and_not_run(zipped: bool) -> None:
    asked = list(programs_beside(zipped))
    assert len(asked) > 30
    assert [name for name, content in asked if attempt(content)] == []
    for name, content in asked:
        assert name in {path.rpartition(".")[2] for path in read_checkpoint(content).unread}


@FORMS
@pytest.mark.parametrize("body", LIES.values(), ids=LIES)
def test_lies_are_seen(body: bytes, form: Callable[..., bytes]) -> None:
    told = refusal(form(body, _0=bytes(24)) if form is zipped_pickle else form(body))
    assert "damaged" in told


@FORMS_OF_BOMBS
@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_bombs_do_not_go_off(body: bytes, form: Callable[..., bytes]) -> None:
    began = time.process_time()
    refusal(form(body, _0=bytes(24)) if form is zipped_pickle else form(body))
    assert time.process_time() - began < SLOWEST


@pytest.mark.parametrize(("body", "word"), ABSURD.values(), ids=ABSURD)
def test_what_no_checkpoint_needs_is_told(body: bytes, word: str) -> None:
    assert word in refusal(zipped_pickle(body, _0=bytes(24)))


def test_nothing_below_a_mark_is_taken() -> None:
    with pytest.raises(Unreadable, match="pickle is invalid"):
        Reader(memoryview(b"NN(0."), {}, lambda told: told).read()


ZIPS, LEGACIES = zips(), legacies()


@pytest.mark.parametrize(("content", "word"), ZIPS.values(), ids=ZIPS)
def test_other_zips(content: bytes, word: str) -> None:
    assert word in refusal(content)


@pytest.mark.parametrize(("content", "word"), LEGACIES.values(), ids=LEGACIES)
def test_other_files_of_old(content: bytes, word: str) -> None:
    assert word in refusal(content)


@pytest.mark.parametrize("content", SOUND, ids=["zip", "legacy"])
def test_a_file_that_was_cut_anywhere_is_refused(content: bytes) -> None:
    assert len(content) > 1000
    assert [size for size in range(len(content)) if not refusal(content[:size])] == []


@pytest.mark.parametrize("damage", [damaged, damaged_keras], ids=["torch", "keras"])
@pytest.mark.parametrize("count", [1000, pytest.param(300_000, marks=pytest.mark.long)])
def test_damage_ends_in_a_network_or_in_one_sentence(
    count: int, damage: Callable[[random.Random], bytes], record: Callable[..., None]
) -> None:
    ends: Counter[str] = Counter()
    slowest = 0.0
    for seed in range(count):
        content = damage(random.Random(seed))
        began = time.process_time()
        told = attempt(content)
        slowest = max(slowest, time.process_time() - began)
        assert told.isprintable(), seed
        ends["refused" if told else "taken"] += 1
    assert slowest < SLOWEST
    assert ends["refused"] > count / 2
    assert ends["taken"] > 0
    record(promise="damaged checkpoints of others", files=count, slowest_cpu_seconds=round(slowest, 2), **ends)


AUDITED = """
import json, random, resource, sys, time
from tests.robustness import hostile_checkpoints as hostile

files = [content for _, content in hostile.every_hostile_checkpoint(sys.argv[2] == "bombs")]
files += [hostile.damaged(random.Random(seed)) for seed in range(int(sys.argv[1]))]
files += [hostile.damaged_keras(random.Random(seed)) for seed in range(int(sys.argv[1]))]
# What comes with the first of a kind, whatever it holds: a table of letters, the second half of a module.
for content in (*hostile.SOUND, hostile.KERAS, hostile.archive(hostile.INSIDE), hostile.archive({})):
    hostile.attempt(content)

seen, watching = set(), [False]

def hook(event, arguments):
    if watching[0]:
        seen.add(f"{event} {arguments}" if event in ("open", "import") else event)

sys.addaudithook(hook)
watching[0] = True
eval("1")
watching[0] = False
control, seen = sorted(seen), set()

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
before, slowest = set(sys.modules), 0.0
watching[0] = True
for content in files:
    began = time.process_time()
    hostile.attempt(content)
    slowest = max(slowest, time.process_time() - began)
watching[0] = False
print(json.dumps({"control": control, "events": sorted(seen), "files": len(files), "slowest": slowest,
                  "modules": sorted(set(sys.modules) - before)}))
"""


@pytest.mark.parametrize(
    ("count", "more"), [(500, "no bombs"), pytest.param(50_000, "bombs", marks=pytest.mark.long)], ids=["few", "all"]
)
def test_the_interpreter_sees_nothing_run_opened_imported_or_sent(
    count: int, more: str, record: Callable[..., None]
) -> None:
    """Every hostile checkpoint and many damaged ones, with an audit hook, and with a gibibyte of memory to spare."""
    folder = Path(__file__).parents[2]
    path = os.pathsep.join([str(folder), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, str(count), more],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert {"compile", "exec"} <= set(told["control"])
    assert set(told["events"]) <= {"builtins.id"}  # our own way to know a list again
    assert [name for name in told["modules"] if name.partition(".")[0] != "encodings"] == []
    assert told["slowest"] < SLOWEST
    record(
        promise="nothing of a checkpoint is run",
        files=told["files"],
        events=0,
        slowest_cpu_seconds=round(told["slowest"], 2),
    )


def test_a_whole_conversion_refuses_in_one_line(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("files")
    for zipped in (True, False):
        for _, content in list(programs(zipped))[:3]:
            (folder / "old.pt").write_bytes(content)
            with pytest.raises(UserError, match=r"old\.pt: .+; not read: '.+'") as told:
                convert(folder / "old.pt", select(installed(), "dcgan"), folder / "model.safetensors")
            assert "\n" not in str(told.value)
            assert not (folder / "model.safetensors").exists()


@pytest.mark.parametrize("what", ["folder", "missing", "device", "out folder", "out there", "out suffix", "out parent"])
def test_paths_that_do_not_do(what: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("files")
    old, out = folder / "old.pt", folder / "model.safetensors"
    old.write_bytes(SOUND[0])
    words = {
        "folder": "is not a regular file",
        "missing": "No such file",
        "device": "is not a regular file",
        "out folder": "is a folder",
        "out there": "--force",
        "out suffix": "has another suffix",
        "out parent": "does not fit",
    }
    old = {"folder": folder, "missing": folder / "none", "device": Path("/dev/zero")}.get(what, old)
    out = {"out folder": folder / "a.safetensors", "out suffix": folder / "model.pt"}.get(what, out)
    if what == "out folder":
        out.mkdir()
    if what == "out there":
        out.write_bytes(b"mine")
    with pytest.raises(UserError, match=words[what]):
        convert(old, select(installed(), "dcgan"), out)
    assert what != "out there" or out.read_bytes() == b"mine"
