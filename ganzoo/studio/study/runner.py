"""Runs a study: checks every combination, then trains and judges, several at a time if there are processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import installed
from ganzoo.catalogue.evaluation_plan import plan_evaluation
from ganzoo.catalogue.options import DataConfig, values_of
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.evaluation.figures import Figure
from ganzoo.step.device import choose_device
from ganzoo.studio.evaluation import evaluate
from ganzoo.studio.model import Model
from ganzoo.studio.study.journal import DONE, FAILED, REFUSED, Journal, Outcome, outcome_of
from ganzoo.studio.study.plan import Combination, Plan
from ganzoo.studio.study.workers import Answer, Workers, threads_of
from ganzoo.text import message_of
from ganzoo.training.run import train

RUNS = "runs"
Say = Callable[[str], None]
Job = tuple[Combination, int]


class Stopped(Exception):
    """A signal has stopped the study; what was trained is saved."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(number)


def check(journal: Journal, say: Say) -> list[Job]:
    """Return the trainings that are to be made, and record the combinations that are refused.

    Raises :class:`UserError` if none fits, or if the combinations have different data, which no judge compares.
    """
    plan, jobs, data, refused = journal.plan, list[Job](), dict[str, Combination](), list[str]()
    for combination in plan.combinations:
        names = [combination.folder(seed) for seed in range(plan.seeds)]
        try:
            selection = plan.selection(installed(), combination, 0)
            assemble(selection)
        except UserError as problem:
            reason = message_of(problem)
            refused.append(f"{combination}: {reason}")
            journal.outcomes |= dict.fromkeys(names, Outcome(REFUSED, reason))
            continue
        parts = [part for part in selection.parts.values() if isinstance(part.config, DataConfig)]
        if not data:  # before anything is trained
            plan_evaluation(installed(), parts[0], plan.judge, plan.metrics, plan.judging)
        data.setdefault(repr([(part.component.name, values_of(part.config)) for part in parts]), combination)
        done = {name for name in names if journal.outcomes.get(name, Outcome(FAILED)).state == DONE}
        jobs += [(combination, seed) for seed, name in enumerate(names) if name not in done]
    if len(data) > 1:
        raise UserError(
            f"{' and '.join(map(str, data.values()))} have different data, and no judge compares their models: give "
            "one --dataset for all"
        )
    if not data:
        raise UserError(f"no combination can be trained: {refused[0]}")
    for line in refused:
        say(f"left out: {line}")
    return jobs


def run(journal: Journal, jobs: Sequence[Job], say: Say, processes: int = 1) -> None:
    """Train and judge with so many ``processes``; each outcome is recorded at once.

    Raises :class:`Stopped` after a signal.
    """
    named = {combination.folder(seed): (combination, seed) for combination, seed in jobs}
    works = [(name, Work(journal.plan, *job, journal.folder / RUNS / name)) for name, job in named.items()]
    stopped = None
    for number, (name, answer) in enumerate(_answers(works, processes, journal.threads), start=1):
        if isinstance(answer, int):
            stopped = answer
            continue
        outcome = outcome_of(json.loads(answer), name)
        journal.record(name, outcome)
        combination, seed = named[name]
        told = outcome.reason or ", ".join(f"{one.name} {one.value:.4g}" for one in _figures(outcome))
        say(f"{number} of {len(jobs)}: {combination} seed {seed}: {told}")
    if stopped is not None:
        raise Stopped(stopped)


def _answers(works: Sequence[tuple[str, Work]], processes: int, threads: int) -> Iterator[tuple[str, Answer]]:
    if processes > 1:
        yield from Workers(processes, threads).run(works)
        return
    with threads_of(threads):
        for name, work in works:
            answer = work()
            yield name, answer
            if isinstance(answer, int):
                return


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
