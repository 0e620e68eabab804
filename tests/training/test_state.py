"""The state of a training: all of it is saved and restored."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import Selection
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing import selections
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.checkpoints import resume, write_checkpoint
from ganzoo.training.state import capture
from ganzoo.training.trainer import Trainer

STEP = 3


def choose(out: Path, **flags: object) -> Selection:
    """The smallest conditional GAN."""
    small = {"generator_widths": "2,2", "discriminator_widths": "2", "latent_size": 1, "steps": 5, "workers": 0}
    return selections.choose("cgan", out, **{**small, **flags})


def trained(selection: Selection, trainer: Trainer | None = None, steps: int = STEP) -> Trainer:
    trainer = trainer or make_trainer(selection)
    while trainer.step < steps:
        trainer.advance()
    return trainer


def _same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(value, wanted[name]) for name, value in found.items())


def test_all_that_was_saved_comes_back(tmp_path: Path) -> None:
    folder, selection = RunFolder(tmp_path / "run"), choose(tmp_path / "run")
    trainer = trained(selection)
    trainer.seconds = 7.0
    trainer.policies.restore({name: place for place, name in enumerate(trainer.policies.state())})
    trainer.train_step.anomaly_check.collapse_detector.restore({"real": 3.0, "alive": True})
    write_checkpoint(folder.checkpoints, trainer, selection)
    again = make_trainer(selection)
    resume(folder, again, selection, pytest.fail)
    (found, about), (wanted, said) = capture(again), capture(trainer)
    assert about == said
    assert _same(found, wanted)
