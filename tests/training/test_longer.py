"""A run that is resumed with more steps, other learning rates, schedules and intervals."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import ganzoo
from ganzoo.errors import Refused, UserError
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.testing import selections
from ganzoo.testing.command_lines import ganzoo as command
from ganzoo.testing.observers import StopAt
from ganzoo.training.observers import Observer, Report, TrainingStart
from ganzoo.training.run import Run, train

WORDS = ("train", "gan", "--batch-size", "8", "--dataset-size", "8", "--device", "cpu")
choose = partial(selections.choose_narrow, steps=5, log_every=2)


class Watching(Observer):
    """Keeps what a training says of itself, and its learning rates."""

    def __init__(self) -> None:
        self.title, self.rates = "", dict[int, float]()

    def began(self, start: TrainingStart) -> None:
        self.title = start.title

    def reported(self, report: Report) -> None:
        self.rates[report.step] = report.learning_rates["generator"]


def going_on(out: Path, **flags: object) -> tuple[Run, Watching]:
    watching = Watching()
    return train(choose("gan", out, **flags), [watching], resume=True), watching


@pytest.mark.parametrize("stopped", [False, True], ids=["finished", "stopped"])
@pytest.mark.parametrize("schedule", ["constant", "exponential"])
def test_a_longer_run_is_the_run_of_that_length_to_the_bit(schedule: str, stopped: bool, tmp_path: Path) -> None:
    whole = train(choose("gan", tmp_path / "whole", steps=8, schedule=schedule))
    train(choose("gan", tmp_path / "run", schedule=schedule), [StopAt(3)] if stopped else [])
    longer, watching = going_on(tmp_path / "run", steps=8, schedule=schedule)
    assert longer.finished
    assert longer.folder.model.read_bytes() == whole.folder.model.read_bytes()
    assert "changed: steps from 5 to 8" in watching.title
    assert "depends on the length" not in watching.title


@pytest.mark.parametrize("schedule", ["cosine", "linear", "step"])
def test_a_schedule_that_depends_on_the_length_is_told(schedule: str, tmp_path: Path) -> None:
    flags = {"schedule": schedule, "schedule_every": 0.5} if schedule == "step" else {"schedule": schedule}
    train(choose("gan", tmp_path / "run", **flags))
    _, watching = going_on(tmp_path / "run", steps=8, **flags)
    for phase in ("generator", "discriminator"):
        assert f"the {phase}-schedule depends on the length: the learning rate goes from" in watching.title


def test_epochs_may_grow_and_take_the_place_of_steps(tmp_path: Path) -> None:
    small = {"dataset": "shapes", "dataset_size": 16, "dataset_count": 32}
    whole = train(choose("gan", tmp_path / "whole", **small, steps=None, epochs=2))
    train(choose("gan", tmp_path / "run", **small))
    longer, watching = going_on(tmp_path / "run", **small, steps=None, epochs=2)
    assert (longer.steps, longer.sha256) == (8, whole.sha256)
    assert "steps from 5 to none; epochs from none to 2" in watching.title


def test_rates_schedules_and_intervals_may_change(tmp_path: Path) -> None:
    train(choose("gan", tmp_path / "run"))
    flags = {
        "steps": 9, "generator_optimizer_lr": 1e-3, "schedule": "cosine", "schedule_end": 0.5,
        "sample_every": 2, "checkpoint_every": 4, "log_every": 1,
    }  # fmt: skip
    longer, watching = going_on(tmp_path / "run", **flags)
    changed = next(line for line in watching.title.splitlines() if "changed: " in line)
    for phrase in (
        "generator-optimizer lr from 0.0002 to 0.001",
        "generator-schedule from constant to cosine with until 1.0, end 0.5",
        "sample-every from 500 to 2",
    ):
        assert phrase in changed
    assert "discriminator-optimizer" not in changed
    assert watching.rates.keys() == {6, 7, 8, 9}
    assert 0.5e-3 < watching.rates[9] < watching.rates[6] < 1e-3
    assert (longer.folder.samples / "step-00000006.png").exists()
    assert [path.stem for path in checkpoints(longer.folder.checkpoints)] == ["step-00000009", "step-00000008"]


def test_a_changed_run_that_is_killed_goes_on_to_the_bit(tmp_path: Path) -> None:
    flags = {"steps": 9, "optimizer_lr": 1e-3}
    for name in ("whole", "stopped"):
        train(choose("gan", tmp_path / name))
    whole, _ = going_on(tmp_path / "whole", **flags)
    train(choose("gan", tmp_path / "stopped", **flags), [StopAt(7)], resume=True)
    stopped, watching = going_on(tmp_path / "stopped", **flags)
    assert stopped.sha256 == whole.sha256
    assert "changed" not in watching.title


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"batch_size": 4}, "batch-size from 8 to 4"),
        ({"seed": 3}, "seed from 0 to 3"),
        ({"optimizer": "rmsprop"}, "another generator-optimizer (adam with"),
        ({"optimizer_betas": (0.9, 0.99)}, "another generator-optimizer (adam with"),
        ({"generator_widths": (16, 16)}, "another generator (mlp with"),
        ({"dataset_size": 12}, "another dataset (digits with size 8"),
        ({"loss": "hinge"}, "another loss (bce with"),
        ({"steps": 4}, "the run has made 5 steps, and is to end after 4: give more --steps"),
    ],
)
def test_what_cannot_change_says_why_and_what_to_do(flags: dict[str, object], sentence: str, tmp_path: Path) -> None:
    run = train(choose("gan", tmp_path / "run"))
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    with pytest.raises(UserError) as refused:
        going_on(run.folder.path, **flags)
    assert sentence in str(refused.value)
    assert "--out" in str(refused.value)
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before


def test_all_that_cannot_change_is_told_at_once(tmp_path: Path) -> None:
    train(choose("gan", tmp_path / "run"))
    with pytest.raises(Refused) as refused:
        going_on(tmp_path / "run", loss="hinge", seed=1, steps=9, batch_size=4)
    assert len(refused.value.problems) == 3


def test_a_resumed_run_keeps_its_own_choices(tmp_path: Path) -> None:
    """On the command line and in Python, only what is to change needs to be said."""
    special = ("--optimizer-lr", "0.001", "--loss", "hinge", "--seed", "3", "--checkpoint-every", "2")
    whole = command(*WORDS, *special, "--steps", "6", "--out", str(tmp_path / "whole"))
    assert whole.status == 0, whole.err
    command(*WORDS, *special, "--steps", "2", "--out", str(tmp_path / "run"))
    longer = command("train", "gan", "--out", str(tmp_path / "run"), "--resume", "--steps", "4")
    assert longer.status == 0, longer.err
    assert "changed: steps from 2 to 4\n" in longer.err
    run = ganzoo.train("gan", out=tmp_path / "run", resume=True, steps=6, progress=False)
    assert run.folder.model.read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


def test_a_finished_run_says_how_it_goes_on(tmp_path: Path) -> None:
    command(*WORDS, "--steps", "2", "--out", str(tmp_path / "run"))
    again = command("train", "gan", "--out", str(tmp_path / "run"), "--resume")
    assert again.status == 0
    assert "all steps are made: --resume with more --steps goes on" in again.err


def test_a_run_of_another_variant_is_not_resumed(tmp_path: Path) -> None:
    command(*WORDS, "--steps", "2", "--out", str(tmp_path / "run"))
    refused = command("train", "cgan", "--out", str(tmp_path / "run"), "--resume")
    assert refused.status == 2
    assert "the run was started with the variant gan, not cgan" in refused.err
