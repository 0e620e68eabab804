"""What is not finite never reaches the weights, and a generator that makes one thing again and again is noticed."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stopping import StopAt
from test_execution import recorded
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Selection, installed, select
from ganzoo.cli import run as command
from ganzoo.contract.recipe import Generated, PhaseOutput
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.anomaly import Anomaly
from ganzoo.health.collapse import COLLAPSED, ROWS, CollapseDetector
from ganzoo.health.policies import MAX_IN_A_ROW, AnomalyPolicies, PolicyHistory, RollBack, SkipAndWarn
from ganzoo.step.graph import WARM_UP
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.training.checkpoints import roll_back, write_checkpoint
from ganzoo.training.observers import Observer, Report
from ganzoo.training.run import Run, train
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer
from ganzoo_datasets.gaussians import GaussiansDataset
from ganzoo_gan.recipe import Adversarial
from ganzoo_training.schedules import Constant

CPU = torch.device("cpu")
VARIANTS = installed().names("variant")
BAD = [math.nan, math.inf, -math.inf]
Poison = Callable[[float], None]


def choose(variant: str, **flags: object) -> Selection:
    return select(installed(), variant, {"batch_size": 8, "steps": 8, "dataset_size": 16, "precision": "fp32", **flags})


def make_trainer(selection: Selection) -> Trainer:
    trainer = build_trainer(selection, assemble(selection), choose_precision("fp32", CPU), SingleProcess(), print)
    trainer.train_step.recipe.train()
    return trainer


def everything(trainer: Trainer) -> dict[str, Tensor]:
    """All that a training moves, by name: parameters, buffers, averages and the states of optimizers."""
    found = dict(trainer.train_step.recipe.state_dict())
    for name, network in trainer.train_step.ema.networks.items():
        found |= {f"average of {name}.{key}": value for key, value in network.state_dict().items()}
    for phase_optimizer in trainer.train_step.phase_optimizers:
        for place, parameter in enumerate(phase_optimizer.parameters):
            state = phase_optimizer.optimizer.state[parameter]
            values = {key: value for key, value in state.items() if isinstance(value, Tensor)}
            found |= {
                f"optimizer of {phase_optimizer.phase.name}.{place}.{key}": value for key, value in values.items()
            }
    return {name: value.detach().clone() for name, value in found.items()}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, value in after.items() if name not in before or not torch.equal(value, before[name])}


def poisoned_terms(trainer: Trainer, phase: str) -> Poison:
    """Multiply the terms of a phase by a number in memory, and return what sets it."""
    factor, plain = torch.ones(()), trainer.train_step.losses[phase]

    def loss(*given: Any) -> PhaseOutput:
        outcome = plain(*given)
        return PhaseOutput(
            {name: term * factor for name, term in outcome.terms.items()}, outcome.values, outcome.generated
        )

    trainer.train_step.losses[phase] = loss
    return lambda number: factor.fill_(number) and None  # type: ignore[func-returns-value]


def poisoned_gradient(trainer: Trainer, phase: str) -> Poison:
    """Add a number in memory to one gradient of a phase, and return what sets it: the terms stay as they are."""
    shift = torch.zeros(())
    phase_optimizer = next(
        phase_optimizer
        for phase_optimizer in trainer.train_step.phase_optimizers
        if phase_optimizer.phase.name == phase
    )
    signs = torch.where(torch.arange(phase_optimizer.parameters[-1].numel()) % 2 == 0, 1.0, -1.0)
    # Numbers of both signs: in a mere sum they would cancel.
    phase_optimizer.parameters[-1].register_hook(lambda gradient: gradient + shift * signs.view_as(gradient))
    return lambda number: shift.fill_(0 if number == 1 else number) and None  # type: ignore[func-returns-value]


PHASES = ("discriminator", "generator")
POISONS = {"loss": poisoned_terms, "gradient": poisoned_gradient}


CASES = [(variant, phase, where, math.nan) for variant in VARIANTS for phase in PHASES for where in POISONS]
CASES += [("gan", "generator", where, number) for where in POISONS for number in BAD]
CASES += [("gan", "generator", "gradient", 1e25)]  # an optimizer's mean of its squares would be infinite for ever


@pytest.mark.parametrize(("variant", "phase", "where", "number"), CASES)
def test_an_update_that_is_not_finite_changes_nothing(
    variant: str, phase: str, where: str, number: float, record: Callable[..., None]
) -> None:
    trainer = make_trainer(choose(variant))
    poison = POISONS[where](trainer, phase)
    trainer.advance()
    assert trainer.train_step.anomaly_check.anomalies() == []
    before = everything(trainer)
    running_means = {found: total.clone() for found, total in trainer.train_step.running_means.sums.items()}
    poison(number)
    trainer.advance()
    (anomaly,) = {anomaly.phase: anomaly for anomaly in trainer.train_step.anomaly_check.anomalies()}.values()
    assert (anomaly.kind, anomaly.phase, anomaly.step) == ("not finite", phase, 2)
    what = f"term 'adversarial' of phase '{phase}' is" if where == "loss" else f"the gradient of {phase}."
    assert anomaly.what.startswith(what)
    after = moved(before, everything(trainer))
    assert {name for name in after if name.startswith((f"{phase}.", f"optimizer of {phase}."))} <= statistics(trainer)
    assert any(name.startswith("optimizer of") for name in after), "the other phase has moved"
    mine = [found for found in running_means if found.phase == phase]
    assert all(torch.equal(running_means[found], trainer.train_step.running_means.sums[found]) for found in mine)
    assert all(value.isfinite().all() for value in everything(trainer).values() if value.is_floating_point())
    poison(1)
    trainer.advance()
    assert trainer.train_step.anomaly_check.anomalies() == []
    record(promise="an update that is not finite is left out", injected=1, noticed=1, weights_changed=0)


def statistics(trainer: Trainer) -> set[str]:
    """Running statistics, which follow the batches of the other phase too."""
    return {name for name, _ in trainer.train_step.recipe.named_buffers()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_statistics_of_a_pass_that_is_left_out_are_too(variant: str) -> None:
    """Where every phase is left out, not even the running statistics of batch norm have moved."""
    trainer = make_trainer(choose(variant))
    poisons = [poisoned_terms(trainer, phase) for phase in PHASES]
    trainer.advance()
    before = everything(trainer)
    for poison in poisons:
        poison(math.nan)
    trainer.advance()
    assert {name for name in moved(before, everything(trainer)) if not name.startswith("average")} == set()
    assert len(trainer.train_step.anomaly_check.anomalies()) == sum(
        phase_optimizer.phase.updates for phase_optimizer in trainer.train_step.phase_optimizers
    )


def test_weights_that_are_not_finite_are_noticed_in_the_next_step() -> None:
    trainer = make_trainer(choose("gan"))
    trainer.advance()
    with torch.no_grad():
        next(iter(trainer.train_step.recipe.get_submodule("generator").parameters()))[0] = math.nan
    trainer.advance()
    assert trainer.train_step.anomaly_check.anomalies()[0].step == 2


@pytest.mark.parametrize(("variant", "where"), [*((name, "gradient") for name in VARIANTS), ("gan", "loss")])
def test_a_replayed_step_leaves_out_what_an_eager_one_does(variant: str, where: str) -> None:
    """To the bit; and it is heard of one step later, without being waited for."""
    eager, (replayed, recorder) = make_trainer(choose(variant)), recorded(choose(variant))
    for phase_optimizer in eager.train_step.phase_optimizers:
        phase_optimizer.make_recordable(CPU)
    eager.train_step.ema.make_recordable(CPU)
    poisons = [POISONS[where](trainer, "generator") for trainer in (eager, replayed)]
    heard: list[Anomaly] = []
    for step in range(WARM_UP + 5):
        for trainer, poison in zip((eager, replayed), poisons, strict=True):
            poison(math.inf if step == WARM_UP + 2 else 1)
            trainer.advance()
        found = replayed.train_step.anomaly_check.anomalies()
        assert not found or step == WARM_UP + 3
        heard += found
    assert len(recorder.tapes) == 1
    assert moved(everything(eager), everything(replayed)) == set()
    assert heard == eager.train_step.anomaly_check.anomalies()
    assert {(anomaly.phase, anomaly.step) for anomaly in heard} == {("generator", WARM_UP + 3)}


@pytest.mark.parametrize("kind", ["eager", "replayed"])
def test_examples_that_are_not_finite_are_not_called_alike(kind: str) -> None:
    """While terms and gradients are finite, updates are made, however steps are carried out."""
    trainer = make_trainer(choose("gan")) if kind == "eager" else recorded(choose("gan"))[0]
    factor, plain = torch.ones(()), trainer.train_step.losses["generator"]

    def loss(*given: Any) -> PhaseOutput:
        outcome = plain(*given)
        assert outcome.generated is not None
        return PhaseOutput(outcome.terms, outcome.values, Generated(outcome.generated.values * factor))

    trainer.train_step.losses["generator"] = loss
    for _ in range(WARM_UP + 2):
        trainer.advance()
    before = everything(trainer)
    factor.fill_(math.nan)
    trainer.advance()
    assert trainer.train_step.anomaly_check.anomalies(wait=True) == []
    names = {
        name for name, _ in trainer.train_step.recipe.get_submodule("generator").named_parameters(prefix="generator")
    }
    assert names <= moved(before, everything(trainer))


def test_a_replayed_training_goes_back_as_an_eager_one_does(tmp_path: Path) -> None:
    """A recording works on memory that going back replaces, so there must be a new one."""
    begun, selection = WARM_UP + 2, choose("gan-minimal", steps=50)
    eager, (replayed, recorder) = make_trainer(selection), recorded(selection)
    for phase_optimizer in eager.train_step.phase_optimizers:
        phase_optimizer.make_recordable(CPU)
    eager.train_step.ema.make_recordable(CPU)
    for trainer in (eager, replayed):
        folder = tmp_path / trainer.execution.name
        for step in range(2 * begun):
            if step == begun:
                write_checkpoint(folder, trainer, selection)
            trainer.advance()
        assert roll_back(folder, trainer, begun) == begun
        for _ in range(begun):
            trainer.advance()
    assert moved(everything(eager), everything(replayed)) == set()
    assert len(recorder.tapes) == 2


class At(Observer):
    """Does something after a step, with the trainer that makes it, which ``caught`` holds."""

    def __init__(self, deeds: dict[int, Callable[[Trainer], None]], caught: list[Trainer]):
        self.deeds, self.caught = deeds, caught

    def stepped(self, step: int) -> None:
        if step in self.deeds:
            self.deeds[step](self.caught[-1])


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[Trainer]:
    """The trainers that :func:`train` builds."""
    found: list[Trainer] = []

    def build(*given: Any) -> Trainer:
        found.append(build_trainer(*given))
        return found[-1]

    monkeypatch.setattr("ganzoo.training.run.build_trainer", build)
    return found


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


@pytest.mark.parametrize("number", BAD)
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
    train_step, remedy = make_trainer(choose("gan-minimal")).train_step, SkipAndWarn(PolicyHistory(), lambda text: None)
    for step in range(0, 4 * MAX_IN_A_ROW, 2):
        remedy.answer(Anomaly("not finite", "generator", step, "it"), train_step, int)
    for step in range(4 * MAX_IN_A_ROW, 5 * MAX_IN_A_ROW):
        remedy.answer(Anomaly("not finite", "generator", step, "it"), train_step, int)
    with pytest.raises(TrainingFailed, match=f"the {MAX_IN_A_ROW + 1}th time in a row"):
        remedy.answer(Anomaly("not finite", "generator", 5 * MAX_IN_A_ROW, "it"), train_step, int)


def test_only_returns_to_one_save_have_an_end() -> None:
    train_step, remedy = make_trainer(choose("gan-minimal")).train_step, RollBack(PolicyHistory(), lambda text: None)
    anomaly = Anomaly("collapsed", "generator", 9, "it")
    for step in (*range(2 * MAX_IN_A_ROW), *[50] * MAX_IN_A_ROW):
        remedy.answer(anomaly, train_step, lambda step=step: step)
    with pytest.raises(TrainingFailed, match=f"after {MAX_IN_A_ROW} returns to the checkpoint of step 50"):
        remedy.answer(anomaly, train_step, lambda: 50)


def test_the_first_fault_of_each_kind_is_told() -> None:
    selection, said = choose("gan-minimal", on_non_finite="skip", on_collapse="warn"), list[str]()
    kinds = ("not finite", "collapsed", "not finite", "collapsed")
    anomalies = [Anomaly(kind, "generator", 1, f"fault {number}") for number, kind in enumerate(kinds)]
    AnomalyPolicies(selection.run, said.append).answer(anomalies, make_trainer(selection).train_step, int)
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
                back.update(everything(self.caught[-1]))

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


@pytest.mark.parametrize("policy", ["skip", "roll-back"])
@pytest.mark.parametrize("stop", [4, 6])
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
    with pytest.raises(UserError, match="say how often to save with --checkpoint-every"):
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


ONE_OF_TWO = """
import hashlib, os, sys
import torch
import ganzoo.training.run as engine
from ganzoo.cli import main
from ganzoo.plugin import PhaseOutput

build, built = engine.build_trainer, []

def spoiled(*given):
    trainer = build(*given)
    built.append(trainer)
    plain = trainer.train_step.losses["generator"]

    def loss(batch, context):
        output = plain(batch, context)
        factor = float("nan") if os.environ["RANK"] == "1" and context.step == 2 else 1.0
        terms = {name: term * factor for name, term in output.terms.items()}
        return PhaseOutput(terms, output.values, output.generated)

    trainer.train_step.losses["generator"] = loss
    return trainer

engine.build_trainer = spoiled
try:
    main(sys.argv[1:])
finally:
    weights = torch.cat([value.flatten() for value in built[0].train_step.recipe.state_dict().values()])
    print("weights", os.environ["RANK"], hashlib.sha256(weights.numpy().tobytes()).hexdigest(), flush=True)
"""


def test_what_one_process_finds_all_leave_out(tmp_path: Path) -> None:
    script = tmp_path / "one_of_two.py"
    script.write_text(ONE_OF_TWO)
    words = ["train", "gan-minimal", "--steps", "5", "--batch-size", "16", "--device", "cpu", "--on-non-finite", "skip"]
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run(
        [*start, *words, "--out", str(tmp_path / "run")],
        check=False, capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("skipped an update") == 1
    digests = dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("weights"))
    assert digests["0"] == digests["1"]


# Collapse


def collapse(trainer: Trainer) -> None:
    """Let the generator forget its noise: weights stay, what it makes of them does not depend on it."""
    with torch.no_grad():
        for name, parameter in trainer.train_step.recipe.get_submodule("generator").named_parameters():
            if name.endswith("weight"):
                parameter.zero_()


@pytest.mark.parametrize("variant", VARIANTS)
def test_collapse_is_noticed_in_the_next_step(variant: str, tmp_path: Path, caught: list[Trainer]) -> None:
    selection = choose(variant, on_collapse="stop", dataset_size=16, out=tmp_path / "run", checkpoint_every=2)
    with pytest.raises(TrainingFailed) as failed:
        train(selection, [At({3: collapse}, caught)])
    said = str(failed.value)
    assert said.startswith("all examples that phase 'generator' generates have become the same (their spread is 0.00%")
    assert "at step 4: lower the learning rate of that phase" in said
    assert [path.name for path in checkpoints(tmp_path / "run" / "checkpoints")] == ["step-00000002.safetensors"]


class Ratios(Observer):
    """Notes the spread of every step of the generator."""

    def __init__(self, caught: list[Trainer]):
        self.caught, self.ratios = caught, list[float]()

    def stepped(self, step: int) -> None:
        if step == 1:
            collapse_detector = self.caught[-1].train_step.anomaly_check.collapse_detector
            plain = collapse_detector.spread_of

            def of(made: Any) -> Tensor:
                share = plain(made)
                self.ratios.append(float(share))
                return share

            collapse_detector.spread_of = of  # type: ignore[method-assign]


def test_a_training_that_really_collapses_is_stopped_in_that_step(
    tmp_path: Path, caught: list[Trainer], record: Callable[..., None]
) -> None:
    """A first GAN with a far too high learning rate makes one picture after some hundred steps."""
    selection = select(
        installed(), "gan",
        {"optimizer_lr": 0.05, "steps": 2000, "precision": "fp32", "on_collapse": "stop", "out": tmp_path / "run"},
    )  # fmt: skip
    seen = Ratios(caught)
    with pytest.raises(
        TrainingFailed, match=r"all examples that phase 'generator' generates have become the same .* at step \d+"
    ):
        train(selection, [seen])
    assert seen.ratios[-1] < COLLAPSED
    before = min(seen.ratios[: -2 * caught[-1].train_step.phase_optimizers[1].phase.updates])
    assert before >= COLLAPSED
    shares = {"least_spread_before": round(before, 4), "spread_in_that_step": round(seen.ratios[-1], 4)}
    record(promise="a collapse is noticed in its step", step=caught[-1].step, **shares)


def test_a_collapse_is_told_once_and_the_training_goes_on(
    tmp_path: Path, caught: list[Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(choose("gan", out=tmp_path / "run"), [At({3: collapse}, caught)]).finished
    assert capsys.readouterr().err.count("have become the same") == 1


def test_one_that_collapses_again_and_again_does_not_flood_the_terminal() -> None:
    said: list[str] = []
    remedy, train_step = SkipAndWarn(PolicyHistory(), said.append), make_trainer(choose("gan")).train_step
    for step in range(1, 101):
        remedy.answer(Anomaly("collapsed", "generator", step, "all are alike"), train_step, lambda: 0)
    assert [line.split(":")[0] for line in said] == [f"all are alike at step {2**n}" for n in range(7)]


def test_a_collapsed_generator_goes_back(
    tmp_path: Path, caught: list[Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    selection = choose("gan", on_collapse="roll-back", checkpoint_every=2, out=tmp_path / "run")
    assert train(selection, [At({5: collapse}, caught)]).finished
    said = capsys.readouterr().err
    assert said.count("have become the same") == 1
    assert "at step 6: rolled back to the checkpoint of step 4" in said


CGAN = choose("cgan")
CGAN_DATA = assemble(CGAN)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 5), st.integers(0, 2**31), st.floats(0.01, 100))
def test_the_spread_is_the_deviation_within_classes(classes: int, seed: int, scale: float) -> None:
    """Means of classes do not count, and the unit is the real examples' own deviation."""
    collapse_detector = CollapseDetector(build_recipe(CGAN, CGAN_DATA, "meta"), CPU, SingleProcess(), enabled=True)
    collapse_detector._classes = classes
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(ROWS * classes) % classes
    noise = torch.randn(len(labels), 7, generator=generator, dtype=torch.float64)
    noise -= torch.stack([noise[labels == label].mean(0) for label in range(classes)])[labels]
    made = (labels[:, None] * 10.0 + scale * noise).float()
    collapse_detector._real = 2.0
    expected = scale * float(noise.square().mean().sqrt()) / 2
    assert float(collapse_detector.spread_of(Generated(made, labels))) == pytest.approx(expected, rel=1e-3)
    assert float(collapse_detector.spread_of(Generated(made))) > expected, "without classes their means count too"


def test_the_first_real_batch_is_the_measure_and_one_that_is_all_alike_is_none() -> None:
    selection = choose("gan")
    recipe = build_recipe(selection, assemble(selection), "meta")
    alike, differing = torch.zeros(8, 7), torch.arange(56.0).reshape(8, 7)
    for first, then in ((alike, differing), (differing, differing / 2)):
        collapse_detector = CollapseDetector(recipe, CPU, SingleProcess(), enabled=True)
        shares = []
        for real in (first, then):
            collapse_detector.set_reference({recipe.output.slot: {recipe.output.field: real}})
            shares.append(float(collapse_detector.spread_of(Generated(differing))))
        assert math.isfinite(shares[0]) and shares[0] == shares[1] >= 1


# Data, memory, determinism


def test_data_that_is_not_finite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = GaussiansDataset.read

    def read(self: Any, indices: Tensor) -> dict[str, Tensor]:
        fields = plain(self, indices)
        return fields | {"point": torch.full_like(fields["point"], math.nan)}

    monkeypatch.setattr(GaussiansDataset, "read", read)
    with pytest.raises(UserError, match=r"dataset 'ring' .*delivers numbers in .* that are not finite"):
        train(select(installed(), "gan", {"dataset": "ring", "steps": 2, "out": tmp_path / "run"}))
    assert not (tmp_path / "run").exists()


def run_out(kind: type[Exception], text: str) -> Callable[[Trainer], None]:
    def spoil(trainer: Trainer) -> None:
        def loss(*given: Any) -> PhaseOutput:
            raise kind(text)

        trainer.train_step.losses["generator"] = loss

    return spoil


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 20.00 MiB."),
        (MemoryError, ""),
        (RuntimeError, "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
    ids=["cuda", "python", "cpu"],
)
def test_running_out_of_memory_names_the_batch_the_device_and_the_save(
    kind: type[Exception], text: str, tmp_path: Path, caught: list[Trainer]
) -> None:
    out = tmp_path / "run"
    with pytest.raises(
        TrainingFailed,
        match=r"out of memory on cpu with batches of 8 .*--accumulate 2.* the newest checkpoint is that of step 2",
    ):
        train(choose("gan", checkpoint_every=2, out=out), [At({3: run_out(kind, text)}, caught)])
    assert train(choose("gan", checkpoint_every=2, out=out), resume=True).finished


def test_too_many_samples_for_the_memory_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An evaluation of a training is left out then, and the training goes on."""

    def run_out(*given: Any) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr("ganzoo.evaluation.evaluator.generate_examples", run_out)
    words = ["train", "gan", "--dataset", "ring", "--batch-size", "8", "--steps", "2", "--out", str(tmp_path / "run")]
    assert command([*words, "--evaluate-every", "1", "--evaluate-samples", "80", "--metric", "modes"]) == 0
    said = "not evaluated at step 1: out of memory on cpu with 80 samples"
    assert said in capsys.readouterr().err
    monkeypatch.setattr("ganzoo.studio.model.generate_examples", run_out)
    assert command(["sample", str(tmp_path / "run"), "--count", "9", "--out", str(tmp_path / "made.npz")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("ganzoo: out of memory on cpu with 9 samples (DefaultCPUAllocator: can't allocate")
    assert last.endswith("use fewer")
    assert not (tmp_path / "made.npz").exists()


def test_a_system_without_memory_is_told_of(tmp_path: Path) -> None:
    """With what a process may take limited for real."""
    code = (
        "import resource, sys; from ganzoo.cli import main; import torch, ganzoo.training.run; "
        "torch.set_num_threads(1); "
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
        "resource.setrlimit(resource.RLIMIT_AS, (used + 600 * 2**20,) * 2); main(sys.argv[1:])"
    )
    words = ["train", "gan", "--dataset", "ring", "--dataset-count", "2000000", "--batch-size", "1000000"]
    line = [sys.executable, "-c", code, *words, "--steps", "3", "--out", str(tmp_path / "run")]
    done = subprocess.run(line, check=False, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 1, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "out of memory on cpu with batches of 1000000" in last
    assert "there is no checkpoint yet" in last
    assert "Traceback" not in done.stderr


def test_deterministic_holds_while_it_trains_and_no_longer(tmp_path: Path, caught: list[Trainer]) -> None:
    found: list[tuple[bool, bool, str | None]] = []

    def look(trainer: Trainer) -> None:
        enabled = torch.are_deterministic_algorithms_enabled()
        found.append((enabled, torch.backends.cudnn.benchmark, os.environ.get("CUBLAS_WORKSPACE_CONFIG")))

    before = torch.are_deterministic_algorithms_enabled(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    runs: list[Run] = [
        train(choose("cgan", deterministic=asked, out=tmp_path / str(asked)), [At({2: look}, caught)])
        for asked in (False, True)
    ]
    assert found[0][0] is False
    assert found[1] == (True, False, ":4096:8")
    assert (torch.are_deterministic_algorithms_enabled(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")) == before
    assert runs[0].sha256 == runs[1].sha256, "a CPU computes the same anyway"


def test_as_many_saves_are_kept_as_asked_for_and_one_of_an_interval(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(choose("gan", out=out, checkpoint_every=2, keep_checkpoints=3))
    assert [path.name[-13:-12] for path in checkpoints(out / "checkpoints")] == ["8", "6", "4"]
