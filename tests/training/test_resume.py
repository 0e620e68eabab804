"""A training that was stopped goes on as if it had never stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ganzoo.catalogue import Selection, installed, select
from ganzoo.cli import main
from ganzoo.cli import run as command
from ganzoo.errors import UserError
from ganzoo.storage.checkpoint_files import checkpoints, step_of
from ganzoo.testing import selections
from ganzoo.testing.observers import StopAt
from ganzoo.testing.processes import Forked, wait_for
from ganzoo.testing.selections import NETWORKS, each_variant
from ganzoo.training.run import Run, train

VARIANTS = installed().names("variant")
OPTIMIZERS = installed().names("optimizer")
choose = partial(selections.choose_narrow, steps=7, log_every=3)


def interrupted_twice(selection: Selection) -> Run:
    assert not train(selection, [StopAt(2)]).finished
    assert not train(selection, [StopAt(5)], resume=True).finished
    return train(selection, resume=True)


def rows(run: Run) -> list[dict[str, object]]:
    found = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


@pytest.mark.parametrize("variant", each_variant("recipe", *NETWORKS, "head", "augmentation", "loss"))
def test_every_variant_goes_on_to_the_bit(variant: str, tmp_path: Path) -> None:
    flags = {"steps": 4, "log_every": 2}
    whole = train(choose(variant, tmp_path / "whole", **flags))
    selection = choose(variant, tmp_path / "parts", **flags)
    assert not train(selection, [StopAt(2)]).finished
    parts = train(selection, resume=True)
    assert parts.finished
    assert parts.folder.model.read_bytes() == whole.folder.model.read_bytes()
    assert rows(parts) == rows(whole)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_on_to_the_bit(optimizer: str, tmp_path: Path) -> None:
    flags = {"optimizer": optimizer, "schedule": "cosine", "recipe_discriminator_updates": 2}
    whole = train(choose("gan", tmp_path / "whole", **flags))
    parts = interrupted_twice(choose("gan", tmp_path / "parts", **flags))
    assert parts.sha256 == whole.sha256


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param({"execution": "compile"}, id="compile", marks=pytest.mark.long),
        pytest.param({"precision": "bf16"}, id="bf16"),
        pytest.param({"accumulate": 4, "penalty": "r1", "precision": "fp32"}, id="passes"),
        pytest.param(
            {
                "penalty": "r1,lecam,clipping",
                "penalty_r1_every": 3,
                "generator_penalty": "path-length",
                "generator_norm": False,
            },
            id="lazy penalties",
        ),
        pytest.param({"discriminator_weights": "spectral", "generator_weights": "equalised"}, id="spectral"),
        pytest.param({"precision": "fp32"}, id="fp32", marks=pytest.mark.long),
    ],
)
def test_every_way_to_make_a_step_goes_on_to_the_bit(flags: dict[str, object], tmp_path: Path) -> None:
    whole = train(choose("cgan", tmp_path / "whole", **flags))
    parts = interrupted_twice(choose("cgan", tmp_path / "parts", **flags))
    assert parts.sha256 == whole.sha256


@pytest.mark.long
@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_goes_on_to_the_bit_with_streamed_data(variant: str, workers: int, tmp_path: Path) -> None:
    whole = train(choose(variant, tmp_path / "whole"))
    parts = interrupted_twice(choose(variant, tmp_path / "parts", data_budget=0, workers=workers))
    assert parts.sha256 == whole.sha256


@pytest.mark.parametrize("workers", [0, 1])
def test_streamed_data_goes_on_to_the_bit(workers: int, tmp_path: Path) -> None:
    whole = train(choose("cgan", tmp_path / "whole"))
    parts = interrupted_twice(choose("cgan", tmp_path / "parts", data_budget=0, workers=workers))
    assert parts.sha256 == whole.sha256


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 138)])
def test_signals_save_and_have_their_own_status(
    number: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = StopAt(2, signal.Signals[number])
    monkeypatch.setattr(
        "ganzoo.training.observers.progress.ProgressDisplay.stepped", lambda self, step: stop.stepped(step)
    )
    out = tmp_path / "run"
    words = ["gan", "--steps", "5", "--batch-size", "8", "--out", str(out)]
    assert command(["train", *words]) == status
    said = capsys.readouterr().err
    assert "stopped after 2 steps and wrote a checkpoint" in said
    again = next(line for line in said.splitlines() if line.startswith("  ganzoo "))
    monkeypatch.undo()
    assert command(again.split()[1:]) == 0, "what it says about going on is a command that goes on"
    assert (out / "model.safetensors").exists()


def test_a_damaged_save_is_told_and_the_one_before_it_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = train(choose("gan", tmp_path / "whole"))
    selection = choose("gan", tmp_path / "run", checkpoint_every=2)
    run = train(selection, [StopAt(5)])
    newest = max(run.folder.checkpoints.iterdir())
    assert newest.name == "step-00000005.safetensors"
    newest.write_bytes(newest.read_bytes()[:-10])
    again = train(selection, resume=True)
    assert "step-00000005.safetensors is damaged" in capsys.readouterr().err
    assert again.sha256 == whole.sha256


def test_a_run_goes_on_only_with_its_own_choices(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(choose("gan", out), [StopAt(2)])
    with pytest.raises(UserError, match=r"another loss \(bce with .*, not hinge\)"):
        train(choose("gan", out, loss="hinge"), resume=True)
    with pytest.raises(UserError, match="another setting: seed from 0 to 3"):
        train(choose("gan", out, seed=3), resume=True)
    assert train(choose("gan", out, log_every=1, sample_every=1), resume=True).finished


def test_resuming_what_has_not_begun_begins_and_what_is_done_stays(tmp_path: Path) -> None:
    selection = choose("gan", tmp_path / "run")
    first = train(selection, resume=True)
    before = first.folder.model.read_bytes()
    again = train(selection, resume=True)
    assert (first.steps, again.steps) == (7, 7)
    assert again.folder.model.read_bytes() == before


def start(out: Path, *words: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "ganzoo", "train", "gan", "--batch-size", "8", "--out", str(out), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment)


def test_a_killed_run_goes_on_to_the_bit_and_two_cannot_share_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    widths = ("--generator-widths", "32,64", "--discriminator-widths", "32,32")
    length = ("--steps", "100", "--checkpoint-every", "20", "--dataset-size", "8", *widths)
    out = tmp_path / "run"
    killed = start(out, *length)
    wait_for(out / "checkpoints" / "step-00000020.safetensors")
    assert command(["train", "gan", "--batch-size", "8", "--out", str(out), *length, "--resume"]) == 2, "it is in use"
    killed.kill()
    killed.wait()
    assert killed.returncode == -signal.SIGKILL
    newest = step_of(checkpoints(out / "checkpoints")[0])
    assert command(["train", "gan", "--batch-size", "8", "--out", str(out), *length, "--resume"]) == 0
    assert f"continuing from the checkpoint of step {newest}\n" in capsys.readouterr().err
    whole = tmp_path / "whole"
    assert command(["train", "gan", "--batch-size", "8", "--out", str(whole), *length]) == 0
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def in_a_group(words: list[str]) -> None:
    """Run ``ganzoo WORDS`` in a process that leads a group."""
    os.setsid()
    main(words)


def test_a_signal_to_the_whole_group_saves_too(tmp_path: Path) -> None:
    out, log = tmp_path / "run", tmp_path / "log"
    words = ["train", "gan", "--steps", "100000", "--batch-size", "8", "--data-budget", "0", "--out", str(out)]
    process = Forked(in_a_group, [*words, "--checkpoint-every", "5"], log=log)
    wait_for(out / "checkpoints" / "step-00000005.safetensors")
    os.killpg(process.pid, signal.SIGTERM)
    status, said = process.wait(60), log.read_text(encoding="utf-8")
    assert status == 143, said
    assert "and wrote a checkpoint" in said


def test_resuming_never_overwrites_what_is_not_this_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    model = train(choose("cgan", out, checkpoint_every=0)).folder.model
    before = model.read_bytes()
    with pytest.raises(UserError, match="no checkpoint to continue from"):
        train(choose("gan", out), resume=True)
    assert model.read_bytes() == before
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.json").write_text('{"my": "own"}')
    with pytest.raises(UserError, match="is not the config of a ganzoo run"):
        train(choose("gan", mine), resume=True)
    assert (mine / "config.json").read_text() == '{"my": "own"}'


def test_a_run_with_nothing_but_damaged_saves_is_left_alone(tmp_path: Path) -> None:
    selection = choose("gan", tmp_path / "run", checkpoint_every=2)
    run = train(selection, [StopAt(5)])
    for path in run.folder.checkpoints.iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"all checkpoints in .* are damaged"):
        train(selection, resume=True)


def test_without_a_folder_the_newest_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = {"batch_size": 8, "dataset_size": 8, "steps": 7}
    train(select(installed(), "gan", flags))
    train(select(installed(), "gan", {**flags, "seed": 1}), [StopAt(3)])
    Path("runs/gan-3").mkdir()
    Path("runs/gan-4").write_bytes(b"")
    again = train(select(installed(), "gan", {**flags, "seed": 1}), resume=True)
    assert (again.folder.path.name, again.steps) == ("gan-2", 7)
