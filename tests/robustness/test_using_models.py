"""What uses a model writes a file that is complete or absent: on a disk that refuses, at a signal, at a kill."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from ganzoo.catalogue import registry
from ganzoo.cli import main
from ganzoo.signals import ENDING, SIGNALLED
from ganzoo.testing.command_lines import ganzoo
from ganzoo.testing.models import untrained
from ganzoo.testing.processes import Forked
from ganzoo.testing.recording_disk import Disk

FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSALS = ((1, errno.EROFS, True), (2, errno.ENOSPC, True), (3, errno.EIO, False), (4, errno.EACCES, True))
COMMANDS = {
    "walk.gif": ("walk", "MODEL", "--frames", "2", "--count", "2", "--out", "OUT"),
    "walk.png": ("walk", "MODEL", "--frames", "2", "--count", "2", "--labels", "1", "2", "--out", "OUT"),
    "beside.png": ("sample", "MODEL", "--count", "2", "--beside", "nearest", "--out", "OUT"),
    "edit.png": ("edit", "MODEL", "IMAGE", "--iterations", "2", "--label", "3", "--out", "OUT"),
    "model.pt2": ("export", "MODEL", "--format", "pt2", "--out", "OUT"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    untrained(path, "cgan")
    Image.new("L", (8, 8), 100).save(path.with_name("image.png"))
    return path


def words_of(name: str, model: Path, folder: Path) -> list[str]:
    places = {"MODEL": str(model), "OUT": str(folder / name), "IMAGE": str(model.with_name("image.png"))}
    return [places.get(word, word) for word in COMMANDS[name]]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("refusal", REFUSALS, ids=[f"{place}-{errno.errorcode[code]}" for place, code, _ in REFUSALS])
def test_a_disk_that_refuses_leaves_the_old_file(
    name: str, refusal: tuple[int, int, bool], model: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"old")
    words, disk = words_of(name, model, tmp_path), Disk(tmp_path, refusal, FULL)
    with pytest.MonkeyPatch.context() as patch:
        disk.attach(patch)
        answer = ganzoo(*words)
    assert disk.failed
    assert answer.status == 2 and "Traceback" not in answer.err
    assert answer.err.splitlines()[-1].startswith("ganzoo: ") and name in answer.err
    assert (tmp_path / name).read_bytes() == b"old"
    assert ganzoo(*words).status == 0
    assert (tmp_path / name).stat().st_size > 3


def signalled(words: Sequence[str], number: int) -> None:
    """Run ``ganzoo WORDS``, which gets a signal when its file is complete but not yet in place."""
    registry._in_use.clear()  # the server that this process comes from has looked for plugins already
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        os.kill(os.getpid(), number)
        return replace(self, target)

    Path.replace = interrupted  # type: ignore[method-assign, assignment]
    main(list(words))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and signals")
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, signal.SIGKILL, *(pytest.param(one, marks=pytest.mark.long) for one in ENDING[1:])],
    ids=lambda number: signal.Signals(number).name,
)
def test_a_signal_or_a_kill_leaves_the_old_file(name: str, number: int, model: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"old")
    log = tmp_path / "log"
    status = Forked(signalled, words_of(name, model, tmp_path), number, log=log).wait()
    assert (tmp_path / name).read_bytes() == b"old"
    if number == signal.SIGKILL:
        assert status == -signal.SIGKILL
        return
    assert status == SIGNALLED + number
    assert log.read_text(encoding="utf-8").splitlines()[-1] == "interrupted"
    assert {path.name for path in tmp_path.iterdir()} == {name, "log"}
