"""A training that starts from a model survives kills, signals and full disks, and then needs the model no more."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.testing.command_lines import ganzoo
from ganzoo.testing.processes import forked, wait_for
from ganzoo.testing.recording_disk import Disk
from ganzoo.testing.run_files import unsound
from ganzoo.training.trainer import Trainer

SMALL = "--generator-widths 16,16 --discriminator-widths 16 --batch-size 8 --device cpu --checkpoint-every 1"
FIRST = f"train gan --dataset-size 8 --steps 2 {SMALL}".split()
LINE = f"train gan --dataset digits --dataset-size 8 --loss hinge --steps 4 --sample-every 2 {SMALL}".split()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("first") / "run"
    assert ganzoo(*FIRST, "--out", out).status == 0
    return out / "model.safetensors"


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model of a run that started from another one and was left alone."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert ganzoo(*LINE, "--from", model, "--out", out).status == 0
    return (out / "model.safetensors").read_bytes()


@pytest.fixture
def passing(model: Path, tmp_path: Path) -> Path:
    """A copy of the model, which a test removes; it has the same name, as the new model records it."""
    return shutil.copy(model, tmp_path / model.name)


def assert_goes_on(out: Path, whole: bytes) -> None:
    answer = ganzoo(*LINE, "--out", out, "--resume")
    assert answer.status == 0, answer.err
    assert (out / "model.safetensors").read_bytes() == whole
    assert unsound(out) == []


def test_another_start_gives_another_model(whole: bytes, tmp_path: Path) -> None:
    assert ganzoo(*LINE, "--out", tmp_path / "run").status == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() != whole


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL")
def test_a_killed_run_goes_on_without_the_model(passing: Path, whole: bytes, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = forked([*LINE, "--from", str(passing), "--out", str(out)], tmp_path / "log")
    wait_for(out / "checkpoints" / "step-00000001.safetensors")
    process.kill()
    process.wait()
    passing.unlink()
    assert_goes_on(out, whole)


def test_a_signal_saves_and_the_run_goes_on_without_the_model(
    passing: Path, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, advance = tmp_path / "run", Trainer.advance

    def interrupted(self: Trainer) -> None:
        advance(self)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", interrupted)
        answer = ganzoo(*LINE, "--from", passing, "--out", out)
    assert answer.status == 130, answer.err
    assert "stopped after 1 step" in answer.err
    passing.unlink()
    assert_goes_on(out, whole)


@pytest.mark.parametrize("function", ["read_weights", "plan"])
def test_a_signal_while_the_model_is_taken_leaves_nothing(
    function: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzoo.training import start

    wrapped: Callable[..., object] = getattr(start, function)

    def interrupted(*given: object, **named: object) -> object:
        signal.raise_signal(signal.SIGTERM)
        return wrapped(*given, **named)

    monkeypatch.setattr(start, function, interrupted)
    answer = ganzoo(*LINE, "--from", model, "--out", tmp_path / "run")
    assert (answer.status, answer.err.splitlines()[-1]) == (143, "interrupted")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "refusal",
    [
        (2, errno.ENOSPC, True), (30, errno.EROFS, True),
        *(
            pytest.param((place, code, lasting), marks=pytest.mark.long)
            for place in range(1, 40, 4) for code in (errno.ENOSPC, errno.EACCES) for lasting in (True, False)
        ),
    ],
)  # fmt: skip
def test_a_run_whose_disk_refuses_goes_on_without_the_model(
    refusal: tuple[int, int, bool], passing: Path, whole: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    disk = Disk(out, refusal, (errno.ENOSPC,))
    with pytest.MonkeyPatch.context() as patch:
        disk.attach(patch)
        answer = ganzoo(*LINE, "--from", passing, "--out", out)
    assert disk.failed
    assert "Traceback" not in answer.err
    assert answer.status in (0, 1, 2)
    if list(out.glob("checkpoints/*.safetensors")):
        passing.unlink()
        assert_goes_on(out, whole)
    else:
        shutil.rmtree(out, ignore_errors=True)
        assert ganzoo(*LINE, "--from", passing, "--out", out).status == 0
        assert (out / "model.safetensors").read_bytes() == whole
