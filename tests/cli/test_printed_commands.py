"""Whatever command ganzoo prints works when it is pasted, for each kind of run."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ganzoo.testing.command_lines import Answer, ganzoo
from ganzoo.testing.observers import StopAt

ROOT = Path(__file__).parents[2]
SMALL = ("--steps", "4", "--batch-size", "8", "--device", "cpu", "--checkpoint-every", "2")
DIGITS = ("--dataset-size", "8")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CAPTIONS = ("--dataset", "shapes", "--dataset-size", "16", "--dataset-count", "64")


@dataclass(frozen=True)
class Kind:
    """A kind of run: the words after ``ganzoo train``."""

    words: tuple[str, ...]
    before: tuple[str, ...] = field(default=())


KINDS = {
    "plain": Kind(("gan-minimal", *DIGITS)),
    "classes": Kind(("cgan", *DIGITS)),
    "a name with spaces": Kind(("gan-minimal", *DIGITS, "--out", "my runs/it's")),
    "dots": Kind(("gan-minimal", *DIGITS, "--out", "runs/v1.2")),
    "a preset": Kind(("gan", *DIGITS, "--preset", "published", "--dataset", "digits")),
    "from another model": Kind(
        ("gan-minimal", *DIGITS, "--generator-from", "first"), ("train", "gan-minimal", *DIGITS, "--out", "first")
    ),
    "captions": Kind(("cgan", *CAPTIONS, "--dataset-condition", "caption")),
    "attributes": Kind(("cgan", *CAPTIONS, "--dataset-condition", "attributes")),
    "several fields": Kind(("cgan", *CAPTIONS, "--dataset-condition", "label+attributes")),
    **{
        path.stem: Kind((name, "--plugin", str(path)))
        for path in EXAMPLES
        for name in re.findall(r"train (my-[\w-]+)", path.read_text(encoding="utf-8"))[:1]
    },
}


def commands(answer: Answer) -> Iterator[list[str]]:
    """Yield the commands that are printed: each is the rest of its line."""
    for line in answer.err.splitlines():
        if found := re.search(r"(?:^  |: )(ganzoo .+)$", line):
            yield shlex.split(found[1])[1:]


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_that_is_printed_works(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if before := KINDS[kind].before:
        assert ganzoo(*before, *SMALL).status == 0
    words = ("train", *KINDS[kind].words, *SMALL)
    with monkeypatch.context() as patch:
        patch.setattr("ganzoo.training.observers.progress.ProgressDisplay", lambda: StopAt(3))
        stopped = ganzoo(*words)
    assert stopped.status == 128 + signal.SIGINT, stopped
    resuming, sampling = commands(stopped)
    assert (resuming[0], sampling[0]) == ("train", "sample")
    assert ganzoo(*sampling).status == 0
    assert (Path("samples.png").exists()) == ("--help" not in sampling)
    resumed = ganzoo(*resuming)
    assert (resumed.status, "continuing from the checkpoint of step 3" in resumed.err) == (0, True), resumed
    assert list(commands(resumed)) == [sampling]
