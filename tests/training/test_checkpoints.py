"""Checkpoints of a run: how many are kept."""

from __future__ import annotations

from pathlib import Path

from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.testing.selections import choose
from ganzoo.training.run import train


def test_only_the_newest_saves_are_kept(tmp_path: Path) -> None:
    run = train(choose("gan", tmp_path / "run", steps=7, checkpoint_every=1))
    names = sorted(path.name for path in run.folder.checkpoints.iterdir())
    assert names == ["step-00000006.safetensors", "step-00000007.safetensors"]


def test_as_many_saves_are_kept_as_asked_for_and_one_of_an_interval(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(choose("gan", out=out, steps=8, checkpoint_every=2, keep_checkpoints=3))
    assert [path.name[-13:-12] for path in checkpoints(out / "checkpoints")] == ["8", "6", "4"]
