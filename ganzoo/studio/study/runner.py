"""Runs a study: checks every combination, then trains and judges, several at a time if there are processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import installed
from ganzoo.catalogue.evaluation_plan import plan_evaluation
from ganzoo.catalogue.options import DataConfig, values_of
from ganzoo.catalogue.registry import Part
from ganzoo.catalogue.target import load_target
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.evaluation.figures import RANKED_AIMS, Figure
from ganzoo.step.device import choose_device
from ganzoo.studio.evaluation import evaluate
from ganzoo.studio.model import Model
from ganzoo.studio.study.executor import Answer, Executor
from ganzoo.studio.study.journal import DONE, FAILED, REFUSED, Journal, Outcome, outcome_of
from ganzoo.studio.study.plan import Combination, Plan
from ganzoo.studio.study.sampler import need_optuna
from ganzoo.studio.study.trainings import Job, Trainings
from ganzoo.text import message_of
from ganzoo.training.run import train

RUNS = "runs"
Say = Callable[[str], None]


class Stopped(Exception):
    """A signal has stopped the study; what was trained is saved."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(number)


def check(journal: Journal, say: Say) -> Trainings:
    """Return the trainings that are to be made, and record the combinations that are refused.

    Raises :class:`UserError` if none fits, or if the combinations have different data, which no judge compares.
    """
    plan, refused = journal.plan, dict[str, str]()
    if plan.search:
        need_optuna()
    tried = plan.corners if plan.search else plan.combinations
    data = _data(plan, tried)
    for combination in tried:
        if reason := refusal(plan, combination):
            refused[combination.digest] = reason
    example = next((combination for combination in tried if combination.digest not in refused), None)
    if example is None:
        raise UserError(f"no combination can be trained: {tried[0]}: {refused[tried[0].digest]}")
    _refuse_unfit_judging(plan, data)
    jobs = list[Job]()
    for combination in journal.combinations:
        names = {combination.folder(seed): seed for seed in range(plan.seeds)}
        waiting = [name for name in names if journal.outcomes.get(name, Outcome(FAILED)).state != DONE]
        known = refused.get(combination.digest) if not plan.search else refusal(plan, combination) if waiting else ""
        if known:
            say(f"left out: {combination}: {known}")
            journal.outcomes |= dict.fromkeys(names, Outcome(REFUSED, known))
        else:
            jobs += [(combination, names[name]) for name in waiting]
    return Trainings(journal, jobs, partial(refusal, plan), example)


def refusal(plan: Plan, combination: Combination) -> str:
    """Return why a combination cannot be trained; nothing if it can."""
    try:
        assemble(plan.selection(installed(), combination, 0))
    except UserError as problem:
        return message_of(problem)
    return ""


def _data(plan: Plan, tried: Sequence[Combination]) -> list[Part]:
    """Return the datasets of all combinations that can be selected; raises :class:`UserError` if these differ."""
    data, found = dict[str, Combination](), list[Part]()
    for combination in tried:
        try:
            selection = plan.selection(installed(), combination, 0)
        except UserError:
            continue
        parts = [part for part in selection.parts.values() if isinstance(part.config, DataConfig)]
        found = found or parts
        data.setdefault(repr([(part.component.name, values_of(part.config)) for part in parts]), combination)
    if len(data) > 1:
        raise UserError(
            f"{' and '.join(map(str, data.values()))} have different data, and no judge compares their models: give "
            "one --dataset for all"
        )
    return found


def _refuse_unfit_judging(plan: Plan, data: Sequence[Part]) -> None:
    """Raise :class:`UserError` if judge, metrics or objective are unknown, before anything is trained."""
    judging = plan_evaluation(installed(), data[0], plan.judge, plan.metrics, plan.judging)
    for part in judging.metrics:
        if part.component.name == plan.objective and not {*load_target(part.component.target).figures.values()} & {
            *RANKED_AIMS
        }:
            raise UserError(f"{part.label} has no figure that could be better or worse: choose another --objective")


def run(journal: Journal, trainings: Trainings, say: Say, executor: Executor) -> None:
    """Train and judge; each outcome is recorded at once.

    Raises :class:`Stopped` after a signal.
    """
    named = dict[str, Job]()

    def take() -> tuple[str, Work] | None:
        taken = trainings.take()
        if taken is None:
            return None
        combination, seed = taken
        name = combination.folder(seed)
        named[name] = taken
        return name, Work(journal.plan, combination, seed, journal.folder.absolute() / RUNS / name)

    stopped = None
    for number, (name, answer) in enumerate(executor.run(take), start=1):
        if isinstance(answer, int):
            stopped = answer
            continue
        outcome = outcome_of(json.loads(answer), name)
        journal.record(name, outcome)
        trainings.finished(name)
        combination, seed = named[name]
        told = outcome.reason or ", ".join(f"{one.name} {one.value:.4g}" for one in _figures(outcome))
        say(f"{number} of {number + trainings.left}: {combination} seed {seed}: {told}")
    if stopped is not None:
        raise Stopped(stopped)


def _figures(outcome: Outcome) -> tuple[Figure, ...]:
    return outcome.evaluation.figures if outcome.evaluation is not None else ()


@dataclass(frozen=True)
class Work:
    """One training of a study and its judgement, which can be sent to another process."""

    plan: Plan
    combination: Combination
    seed: int
    folder: Path

    def __call__(self) -> Answer:
        """Return the outcome as JSON, or the signal that stops it now."""
        outcome = train_and_judge(self.plan, self.combination, self.seed, self.folder)
        return outcome if isinstance(outcome, int) else json.dumps(outcome.to_json())


def train_and_judge(plan: Plan, combination: Combination, seed: int, folder: Path) -> Outcome | int:
    """Return the outcome of one training, which goes on if it was stopped, or the signal that stops it now."""
    registry = installed()
    try:
        selection = plan.selection(registry, combination, seed, folder)
        done = train(selection, resume=True)
        if done.signal is not None:
            return done.signal
        device = choose_device(selection.run.device)
        model = Model.read(folder, registry, {})
        found = evaluate(
            model, registry, metrics=plan.metrics, judge=plan.judge, samples=plan.samples, device=device,
            flags=plan.judging,
        )  # fmt: skip
    except (UserError, TrainingFailed) as problem:
        return Outcome(FAILED, message_of(problem))
    return Outcome(DONE, evaluation=found)
