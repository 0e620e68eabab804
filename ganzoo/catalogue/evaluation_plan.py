"""What is to be measured, on which data, and who judges: names resolved and needs matched, without torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from ganzoo.catalogue.check import unmet
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.flags import option_flags, options_by, unknown_flag
from ganzoo.catalogue.options import DataConfig, options_of
from ganzoo.catalogue.part import Part, part_of
from ganzoo.catalogue.registry import Registry
from ganzoo.errors import Refused, UserError

SPLIT = "split"
SAMPLES = 10_000  # that are made where nobody says how many


@dataclass(frozen=True)
class EvaluationPlan:
    """The data that models are held against, the judge, and the metrics; ``asked`` tells if these were named."""

    dataset: Part
    judge: Part
    metrics: tuple[Part, ...]
    asked: bool

    @property
    def parted(self) -> bool:
        """Whether the data is published in parts, of which one is for tests."""
        return any(option.name == SPLIT for option in options_of(self.dataset.component.config))

    def fitting(self, data: Set[str], model: Set[str]) -> EvaluationPlan:
        """Return it with the metrics that can be computed, given what ``data`` and ``model`` offer.

        Raises :class:`Refused` where a metric that was asked for is not among them, or none is left.
        """
        unseen = {"data:unseen"} if self.parted else set()
        offered = {*data, *unseen, *self.judge.component.provides, *model}
        whose = f"{self.dataset.label} with {self.judge.label} and this model"
        problems = {part.label: list(unmet(part, offered, whose)) for part in self.metrics}
        kept = tuple(part for part in self.metrics if not problems[part.label])
        said = [problem for found in problems.values() for problem in found]
        if (self.asked and said) or not kept:
            raise Refused(said or ["there is no metric installed: see `ganzoo plugins`"])
        return dataclasses.replace(self, metrics=kept)

    def refuse_unfit_judge(self, data: Set[str]) -> None:
        """Raise :class:`Refused` where the judge needs what ``data`` does not offer."""
        said = list(unmet(self.judge, data, self.dataset.label))
        if said:
            raise Refused(said)


def asks_judge(metric: Part) -> bool:
    """Return whether a metric declares that it is of no use without a judge."""
    return any(word.startswith("judge:") for need in metric.component.requires for word in need.any_of)


def plan_evaluation(
    registry: Registry,
    dataset: Part,
    judge: str | None = None,
    metrics: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> EvaluationPlan:
    """Resolve who judges, and by which metrics; all that are installed where none is named.

    ``flags`` are options such as ``judge-width`` or ``kernel-subsets``. Raises :class:`Refused` with every problem.
    """
    names = tuple(dict.fromkeys(metrics))
    config = dataset.config
    assert isinstance(config, DataConfig)
    chosen = judge or config.judge
    if not chosen:
        have = ", ".join(registry.names("judge")) or "none"
        raise UserError(f"{dataset.label} names no judge: give --judge. Installed: {have}")
    slots = {"judge": Slot("judge", "judge", chosen)}
    slots |= {name: Slot("metric", "metric", name) for name in names or registry.names("metric")}
    problems: list[str] = []
    known = {}
    for name, slot in slots.items():
        try:
            known[name] = (slot, registry.component(slot.kind, slot.default))
        except UserError as problem:
            problems.append(str(problem))
    values = read_flags(flags or {}, known, problems)
    parts = {}
    for name, (slot, component) in known.items():
        entry = registry.entry(slot.kind, component.name)
        try:
            parts[name] = part_of(entry, slot, values[name])
        except Refused as refused:
            problems.extend(refused.problems)
    if problems:
        raise Refused(dict.fromkeys(problems))
    return EvaluationPlan(dataset, parts.pop("judge"), tuple(parts.values()), bool(names))


def read_flags(
    flags: Mapping[str, Any], known: Mapping[str, tuple[Slot, Any]], problems: list[str]
) -> dict[str, dict[str, Any]]:
    """Return the options of each slot that ``flags`` set; unknown ones go to ``problems``."""
    legal = {flag: owners for flag, owners in option_flags(known).items() if all(slot in known for slot, _ in owners)}
    for flag in flags:
        if flag not in legal:
            problems.append(f"{unknown_flag(flag, legal)} `ganzoo info NAME` shows those of a part")
    return {name: {} for name in known} | options_by(flags, legal)
