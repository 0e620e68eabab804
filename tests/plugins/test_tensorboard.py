"""Events of TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ganzoo.errors import UserError
from ganzoo.testing.observers import StopAt
from ganzoo.testing.selections import choose
from ganzoo.training.run import train


def test_tensorboard_events_are_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = train(choose("gan", out=tmp_path / "run", tensorboard=True))
    assert any(run.folder.events.iterdir())


def test_a_missing_tensorboard_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"ganzoo\[tensorboard\]"):
        train(choose("gan", out=tmp_path / "run", tensorboard=True))
    assert not (tmp_path / "run").exists()


def test_what_comes_again_stands_once_in_tensorboard(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    selection = choose("gan", tmp_path / "run", steps=7, checkpoint_every=2, log_every=1, tensorboard=True)
    run = train(selection, [StopAt(5)])
    max(run.folder.checkpoints.iterdir()).unlink()
    train(selection, resume=True)
    events = accumulator.EventAccumulator(str(run.folder.events)).Reload()
    assert [event.step for event in events.Scalars("generator/adversarial")] == list(range(1, 8))
