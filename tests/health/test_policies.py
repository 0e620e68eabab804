"""What follows an anomaly: stop, skip, warn, or roll back to the newest checkpoint."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.cli import main
from ganzoo.cli import run as command
from ganzoo.contract.recipe import PhaseOutput
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.anomaly import Anomaly
from ganzoo.health.policies import MAX_IN_A_ROW, AnomalyPolicies, PolicyHistory, RollBack, WarnAndContinue
from ganzoo.step.processes import SingleProcess
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.testing import selections
from ganzoo.testing.observers import At, StopAt
from ganzoo.testing.processes import forked_group
from ganzoo.testing.trainers import context_of, everything, moved
from ganzoo.training.observers import Report
from ganzoo.training.run import train
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer
from ganzoo_gan.recipe import Adversarial
from ganzoo_training.schedules import Constant

choose = partial(selections.choose_narrow, steps=8, dataset_size=16, precision="fp32")


class Spoiled:
    """Lets every training have a phase whose terms are bad in some steps, counted from 1, also after a stop."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, steps: set[int], phase: str = "generator", number: float = math.nan
    ):
        self.steps, self.phase, self.number = steps, phase, number
        monkeypatch.setattr("ganzoo.training.run.build_trainer", self.build)

    def build(self, *given: Any) -> Trainer:
        trainer = build_trainer(*given)
        plain = trainer.train_step.losses[self.phase]

        def loss(batch: Any, context: Any) -> PhaseOutput:
            outcome = plain(batch, context)
            factor = self.number if context.step + 1 in self.steps else 1.0
            return PhaseOutput(
                {name: term * factor for name, term in outcome.terms.items()}, outcome.values, outcome.generated
            )

        trainer.train_step.losses[self.phase] = loss
        return trainer


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "number", [math.nan, *(pytest.param(sign * math.inf, marks=pytest.mark.long) for sign in (1, -1))]
)
def test_stop_keeps_the_save_and_says_what_to_change(
    number: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    selection = choose("gan", checkpoint_every=2, log_every=1, out=out)
    Spoiled(monkeypatch, {6}, "discriminator", number)
    with pytest.raises(TrainingFailed) as failed:
        train(selection)
    said = str(failed.value)
    assert said.startswith("term 'adversarial' of phase 'discriminator' is ")
    assert "at step 6: lower the learning rate of that phase (0.0002 now), or choose another loss" in said
    assert [path.name for path in checkpoints(out / "checkpoints")] == [f"step-0000000{n}.safetensors" for n in (4, 2)]
    monkeypatch.undo()
    assert train(selection, resume=True).finished
    assert [row["step"] for row in rows(out)] == list(range(1, 9))


def test_what_was_stopped_goes_on_without_such_updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Spoiled(monkeypatch, {6})
    flags: dict[str, object] = {"checkpoint_every": 2, "out": tmp_path / "run"}
    with pytest.raises(TrainingFailed, match="continue from the last checkpoint with --resume --on-non-finite skip"):
        train(choose("gan", **flags))
    assert train(choose("gan", on_non_finite="skip", **flags), resume=True).finished


def test_the_command_line_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Spoiled(monkeypatch, {3})
    assert command(["train", "gan", "--batch-size", "8", "--steps", "5", "--out", str(tmp_path / "run")]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("ganzoo: failed: term 'adversarial' of phase 'generator' is nan at step 3: lower")


def test_skip_goes_on_and_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Spoiled(monkeypatch, {3, 4, 5, 7})
    run = train(choose("gan", on_non_finite="skip", log_every=1, out=tmp_path / "run"))
    assert run.finished
    said = [line for line in capsys.readouterr().err.splitlines() if "skipped an update" in line]
    assert [line.split(":")[1] for line in said] == [f" skipped an update ({n} so far)" for n in (1, 2, 4)]
    terms = [term for row in rows(tmp_path / "run") for phase in row["terms"].values() for term in phase.values()]
    assert all(map(math.isfinite, terms))


@pytest.mark.parametrize("every", [1, 3])
def test_skip_has_an_end(every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a row are steps in which the phase is played, not all steps."""
    plain = Adversarial.phases
    monkeypatch.setattr(
        Adversarial, "phases", lambda recipe: tuple(replace(phase, every=every) for phase in plain(recipe))
    )
    Spoiled(monkeypatch, set(range(4, 100)))
    with pytest.raises(
        TrainingFailed, match=rf"at step {4 + MAX_IN_A_ROW * every}, the {MAX_IN_A_ROW + 1}th time in a row"
    ):
        train(choose("gan", on_non_finite="skip", steps=50, out=tmp_path / "run"))


def test_a_rate_that_is_not_finite_is_never_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Constant, "factor", lambda self, progress: math.inf if progress.step == 3 else 1.0)
    flags: dict[str, object] = {"generator_schedule": "constant", "discriminator_schedule": "constant"}
    match = r"the schedule of phase 'discriminator' gives the factor inf at step 4: start a new run with another"
    with pytest.raises(TrainingFailed, match=match):
        train(choose("gan", on_non_finite="skip", out=tmp_path / "run", **flags))


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        (PhaseOutput({}), "no terms"),
        (PhaseOutput({"odd": 1}), "term 'odd' is of type int and must be a tensor"),  # type: ignore[dict-item]
        (PhaseOutput({"odd": torch.ones(1)}), r"term 'odd' has shape \(1,\)"),
        (PhaseOutput({"fine": torch.ones(())}, {"odd": 0.5}), "value 'odd' is of type float"),  # type: ignore[dict-item]
        (PhaseOutput({"fine": torch.ones(())}, {"odd": torch.ones(2)}), r"value 'odd' has shape \(2,\)"),
    ],
)
def test_terms_and_values_are_scalars(outcome: PhaseOutput, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        outcome.total()


def test_a_phase_that_replaces_a_buffer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What undoes an update, and the average, would hold the old one."""
    plain = Adversarial.generate

    def generate(recipe: Adversarial, batch: Any, context: Any) -> PhaseOutput:
        recipe.generator.register_buffer("calls", torch.zeros(()))
        return plain(recipe, batch, context)

    monkeypatch.setattr(Adversarial, "generate", generate)
    with pytest.raises(UserError, match=r"phase 'generator' replaces the buffer generator\.calls"):
        assemble(choose("gan"))


def test_an_optimizer_whose_updates_were_all_left_out_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Spoiled(monkeypatch, {1, 2})
    selection = choose("gan-minimal", on_non_finite="skip", steps=2, out=tmp_path / "run")
    assert train(selection).finished
    assert train(selection, resume=True).finished


def test_only_updates_left_out_in_a_row_have_an_end() -> None:
    policy, here = WarnAndContinue(PolicyHistory(), lambda text: None), context_of(choose("gan-minimal"))
    for step in range(0, 4 * MAX_IN_A_ROW, 2):
        policy.handle(Anomaly("not finite", "generator", step, "it"), here)
    for step in range(4 * MAX_IN_A_ROW, 5 * MAX_IN_A_ROW):
        policy.handle(Anomaly("not finite", "generator", step, "it"), here)
    with pytest.raises(TrainingFailed, match=f"the {MAX_IN_A_ROW + 1}th time in a row"):
        policy.handle(Anomaly("not finite", "generator", 5 * MAX_IN_A_ROW, "it"), here)


def test_only_returns_to_one_save_have_an_end() -> None:
    policy, context = RollBack(PolicyHistory(), lambda text: None), context_of(choose("gan-minimal"))
    anomaly = Anomaly("collapsed", "generator", 9, "it")
    for step in (*range(2 * MAX_IN_A_ROW), *[50] * MAX_IN_A_ROW):
        policy.handle(anomaly, replace(context, roll_back=lambda step=step: step))
    with pytest.raises(TrainingFailed, match=f"after {MAX_IN_A_ROW} returns to the checkpoint of step 50"):
        policy.handle(anomaly, replace(context, roll_back=lambda: 50))


def test_the_first_fault_of_each_kind_is_told() -> None:
    selection, said = choose("gan-minimal", on_non_finite="skip", on_collapse="warn"), list[str]()
    kinds = ("not finite", "collapsed", "not finite", "collapsed")
    anomalies = [Anomaly(kind, "generator", 1, f"fault {number}") for number, kind in enumerate(kinds)]
    AnomalyPolicies(selection.run, said.append).handle(anomalies, context_of(selection))
    assert sorted(re.findall(r"fault \d", " ".join(said))) == ["fault 0", "fault 1"]


def test_skip_cannot_mend_weights(tmp_path: Path, caught: list[Trainer]) -> None:
    def spoil(trainer: Trainer) -> None:
        with torch.no_grad():
            next(iter(trainer.train_step.recipe.get_submodule("generator").parameters())).fill_(math.inf)

    with pytest.raises(TrainingFailed, match=r"and generator\..* is not finite either: skipping updates cannot help"):
        train(choose("gan", on_non_finite="skip", out=tmp_path / "run"), [At({3: spoil}, caught)])


def test_roll_back_brings_back_weights_and_goes_on(
    tmp_path: Path, caught: list[Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    saved: dict[str, Tensor] = {}

    def keep(trainer: Trainer) -> None:
        saved.update(everything(trainer))

    def spoil(trainer: Trainer) -> None:
        with torch.no_grad():
            next(iter(trainer.train_step.recipe.get_submodule("generator").parameters())).fill_(math.nan)

    back: dict[str, Tensor] = {}

    class Watch(At):
        def reported(self, report: Report) -> None:
            if report.step == 6:
                back.update(everything(self.trainers[-1]))

    selection = choose(
        "cgan", on_non_finite="roll-back", on_collapse="off", checkpoint_every=4, log_every=1, out=tmp_path / "run"
    )
    run = train(selection, [Watch({4: keep, 5: spoil}, caught)])
    assert run.finished
    assert "at step 6: rolled back to the checkpoint of step 4" in capsys.readouterr().err
    assert moved(saved, back) == set()
    assert [row["step"] for row in rows(run.folder.path)] == list(range(1, 9))


def test_roll_back_before_the_first_save_goes_back_to_the_beginning_and_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Spoiled(monkeypatch, set(range(3, 100)))
    selection = choose("gan", on_non_finite="roll-back", steps=50, checkpoint_every=1000, out=tmp_path / "run")
    with pytest.raises(TrainingFailed, match=rf"after {MAX_IN_A_ROW} returns to the checkpoint of step 0: lower"):
        train(selection)


@pytest.mark.parametrize(
    ("policy", "stop"),
    [
        ("skip", 6),
        ("roll-back", 4),
        pytest.param("skip", 4, marks=pytest.mark.long),
        pytest.param("roll-back", 6, marks=pytest.mark.long),
    ],
)
def test_what_was_mended_goes_on_to_the_bit(
    policy: str, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a run was stopped between a save, a fault and its remedy does not show in what it becomes."""
    Spoiled(monkeypatch, {5, 6, 9})
    flags: dict[str, object] = {"on_non_finite": policy, "checkpoint_every": 3, "steps": 11}

    whole = train(choose("cgan", out=tmp_path / "whole", **flags))
    assert not train(choose("cgan", out=tmp_path / "parts", **flags), [StopAt(stop)]).finished
    parts = train(choose("cgan", out=tmp_path / "parts", **flags), resume=True)
    assert parts.finished
    assert parts.sha256 == whole.sha256


def test_a_save_made_right_after_going_back_to_the_beginning_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Spoiled(monkeypatch, {4, 6})
    flags: dict[str, object] = {"on_non_finite": "roll-back", "checkpoint_every": 4, "keep_checkpoints": 1}
    whole = train(choose("gan", out=tmp_path / "whole", **flags))
    assert not train(choose("gan", out=tmp_path / "parts", **flags), [StopAt(4)]).finished
    parts = train(choose("gan", out=tmp_path / "parts", **flags), resume=True)
    assert parts.sha256 == whole.sha256
    assert "does not fit" not in capsys.readouterr().err


def test_a_run_begun_without_roll_back_goes_back_to_the_save_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Spoiled(monkeypatch, {6})
    out = tmp_path / "run"
    assert not train(choose("gan", out=out), [StopAt(3)]).finished
    assert train(choose("gan", on_non_finite="roll-back", out=out), resume=True).finished
    assert "at step 6: rolled back to the checkpoint of step 3" in capsys.readouterr().err


def test_a_signal_does_not_cost_the_save_of_an_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes hear of a signal one step later."""
    flags = [0]

    def any_of_before(self: SingleProcess, flag: int) -> int:
        flags.append(flag)
        return flags[-2]

    monkeypatch.setattr(SingleProcess, "max_flag", any_of_before)
    run = train(choose("gan", checkpoint_every=2, out=tmp_path / "run"), [StopAt(4)])
    assert [path.name[-13:-12] for path in checkpoints(run.folder.checkpoints)] == ["5", "4"]


def test_roll_back_needs_saves() -> None:
    with pytest.raises(UserError, match="roll-back needs checkpoints: give --checkpoint-every"):
        choose("gan", on_non_finite="roll-back", checkpoint_every=0)


def test_off_looks_at_nothing_but_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Spoiled(monkeypatch, {3})
    with pytest.raises(TrainingFailed, match=r"term 'adversarial' of phase '\w+' is nan at step 4"):
        train(choose("gan", on_non_finite="off", on_collapse="off", log_every=4, out=tmp_path / "run"))


def test_what_is_not_finite_is_never_saved(tmp_path: Path, caught: list[Trainer]) -> None:
    """A stop asks for a save at once, before any step could notice."""

    def spoil_and_stop(trainer: Trainer) -> None:
        with torch.no_grad():
            next(iter(trainer.train_step.recipe.get_submodule("generator").parameters())).fill_(math.nan)
        signal.raise_signal(signal.SIGTERM)

    out = tmp_path / "run"
    with pytest.raises(TrainingFailed, match=r"generator\..* is not finite after step 5, and is not saved"):
        train(choose("gan", checkpoint_every=2, out=out), [At({5: spoil_and_stop}, caught)])
    assert checkpoints(out / "checkpoints")[0].name == "step-00000004.safetensors"


def spoiled_in_one_of_two(words: list[str]) -> None:
    """Run ``ganzoo WORDS`` with a phase that is bad in the third step of the second process; print what was learnt."""
    patch, built = pytest.MonkeyPatch(), []
    spoiled = Spoiled(patch, {3} if os.environ["RANK"] == "1" else set())

    def build(*given: Any) -> Trainer:
        built.append(spoiled.build(*given))
        return built[-1]

    patch.setattr("ganzoo.training.run.build_trainer", build)
    try:
        main(words)
    finally:
        weights = torch.cat([value.flatten() for value in built[0].train_step.recipe.state_dict().values()])
        print("weights", hashlib.sha256(weights.numpy().tobytes()).hexdigest(), flush=True)


def test_what_one_process_finds_all_leave_out(tmp_path: Path) -> None:
    words = ["train", "gan-minimal", "--steps", "5", "--batch-size", "16", "--device", "cpu", "--on-non-finite", "skip"]
    log = tmp_path / "log"
    both = forked_group([*words, "--out", str(tmp_path / "run")], log, 2, spoiled_in_one_of_two)
    ends = [process.wait() for process in both]
    said = log.read_text(encoding="utf-8")
    assert ends == [0, 0], said
    assert said.count("skipped an update") == 1
    digests = re.findall(r"^weights (\w+)$", said, re.MULTILINE)
    assert len(digests) == 2
    assert digests[0] == digests[1]
