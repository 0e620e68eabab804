"""A whole training: equal seeds give equal files, and observers change nothing."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.errors import TrainingFailed
from ganzoo.testing.selections import choose_narrow as choose
from ganzoo.testing.selections import each_variant
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.observers import Observer
from ganzoo.training.run import train


def test_further_discriminator_updates_get_new_data() -> None:
    trainer = make_trainer(choose("gan", recipe_discriminator_updates=3))
    asked: list[int] = []
    batches = trainer.train_step.batches["dataset"]
    feed = batches.feed
    batches.feed = lambda number: (asked.append(number), feed(number))[1]  # type: ignore[method-assign]
    trainer.advance()
    trainer.advance()
    assert asked == [0, 1, 2, 3, 4, 5]
    assert trainer.images == 2 * 3 * 8


def test_a_non_finite_term_ends_the_training_and_is_named(tmp_path: Path) -> None:
    selection = choose("gan", optimizer_lr=1e30, loss="wasserstein", steps=50, log_every=1, out=tmp_path / "run")
    with pytest.raises(TrainingFailed, match=r"term 'adversarial' of phase '\w+' is (nan|-?inf) at step \d+"):
        train(selection)


@pytest.mark.parametrize("variant", each_variant("recipe"))
def test_equal_seeds_give_equal_files_and_other_seeds_do_not(variant: str, tmp_path: Path) -> None:
    runs = [train(choose(variant, tmp_path / str(n), seed=seed, steps=2)) for n, seed in enumerate((5, 5, 6))]
    digests = [hashlib.sha256(run.folder.model.read_bytes()).hexdigest() for run in runs]
    assert digests[0] == digests[1] != digests[2]


def test_watching_does_not_change_a_training(tmp_path: Path) -> None:
    rare = train(choose("cgan", out=tmp_path / "rare", log_every=100, sample_every=100))
    often = train(choose("cgan", out=tmp_path / "often", log_every=1, sample_every=1))
    assert rare.sha256 == often.sha256


def test_streamed_training_equals_training_from_memory(tmp_path: Path) -> None:
    memory = train(choose("cgan", out=tmp_path / "memory"))
    stream = train(choose("cgan", out=tmp_path / "stream", data_budget=0, workers=1))
    assert memory.sha256 == stream.sha256


def test_training_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    train(choose("cgan", out=tmp_path / "run"))
    assert torch.equal(torch.rand(3), expected)


class Interrupting(Observer):
    """Presses Ctrl-C after two steps."""

    def stepped(self, step: int) -> None:
        if step == 2:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupt_keeps_the_model_and_the_pictures(tmp_path: Path) -> None:
    run = train(choose("cgan", out=tmp_path / "run"), [Interrupting()])
    assert (run.finished, run.steps) == (False, 2)
    assert ganzoo.load(run.folder.path).header.trained["steps"] == 2
    assert run.folder.animation.exists()
