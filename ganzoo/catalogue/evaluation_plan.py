"""The plan of an evaluation: dataset, judge and metrics, with their needs checked; it needs no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.catalogue.check import missing_capabilities
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.flags import option_flags, options_by_slot, unknown_flag
from ganzoo.catalogue.options import DataConfig
from ganzoo.catalogue.registry import Part, Registry, part_of
from ganzoo.errors import Refused, UserError

CLASSES = "judge:classes"
SAMPLES = 10_000  # the default number of generated examples


@dataclass(frozen=True)
class EvaluationPlan:
    """The real data, the judge and the metrics of an evaluation.

    ``asked``: the user named the metrics. ``named_part``: the user named the part of the data to compare with.
    """

    dataset: Part
    judge: Part
    metrics: tuple[Part, ...]
    asked: bool
    named_part: bool = False

    @property
    def data(self) -> DataConfig:
        """The options of the data that models are trained on."""
        assert isinstance(self.dataset.config, DataConfig)
        return self.dataset.config

    @property
    def parted(self) -> bool:
        """Whether training and test data are separate wherever the data is."""
        return self.data.published_in_parts()

    def tested(self, root: Path) -> DataConfig:
        """Return the options of the data that models are compared with."""
        return self.data if self.named_part and not self.parted else self.data.for_test(root)

    @property
    def tells_classes(self) -> bool:
        """Whether the judge promises to tell classes apart."""
        return CLASSES in self.judge.component.provides

    def fitting(self, data: Set[str], model: Set[str]) -> EvaluationPlan:
        """Return the plan with the metrics that can be computed from the capabilities of ``data`` and ``model``.

        Raises :class:`Refused` where a metric that the user named cannot be computed, or no metric can.
        """
        offered = {*data, *self.judge.component.provides, *model}
        whose = f"{self.dataset.label} with {self.judge.label} and this model"
        problems = {part.label: list(missing_capabilities(part, offered, whose)) for part in self.metrics}
        kept = tuple(part for part in self.metrics if not problems[part.label])
        said = [problem for found in problems.values() for problem in found]
        if (self.asked and said) or not kept:
            raise Refused(said or ["no metric is installed: see `ganzoo plugins`"])
        return dataclasses.replace(self, metrics=kept)

    def refuse_unfit_judge(self, data: Set[str]) -> None:
        """Raise :class:`Refused` where the judge needs what ``data`` does not offer."""
        said = list(missing_capabilities(self.judge, data, self.dataset.label))
        if said:
            raise Refused(said)


def asks_judge(metric: Part) -> bool:
    """Return whether a metric declares that it needs a judge."""
    return any(word.startswith("judge:") for need in metric.component.requires for word in need.any_of)


def plan_evaluation(
    registry: Registry,
    dataset: Part,
    judge: str | None = None,
    metrics: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> EvaluationPlan:
    """Resolve the judge and the metrics; without names, all installed metrics.

    ``flags`` are options such as ``judge-width`` or ``kernel-subsets``. Raises :class:`Refused` with every problem.
    """
    names = tuple(dict.fromkeys(metrics))
    assert isinstance(dataset.config, DataConfig)
    chosen = judge or dataset.config.judge or _undemanding_judge(registry, dataset)
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


def _undemanding_judge(registry: Registry, dataset: Part) -> str:
    """Return the first judge that needs nothing of the data, for a dataset that names none."""
    names = registry.names("judge")
    for name in names:
        if not registry.component("judge", name).requires:
            return name
    raise UserError(f"{dataset.label} has no default judge: give --judge. Installed: {', '.join(names) or 'none'}")


def read_flags(
    flags: Mapping[str, Any], known: Mapping[str, tuple[Slot, Any]], problems: list[str]
) -> dict[str, dict[str, Any]]:
    """Return the options of each slot that ``flags`` set; unknown ones go to ``problems``."""
    known_flags = {
        flag: owners for flag, owners in option_flags(known).items() if all(slot in known for slot, _ in owners)
    }
    for flag in flags:
        if flag not in known_flags:
            problems.append(f"{unknown_flag(flag, known_flags)} `ganzoo info NAME` shows the options of a component")
    return {name: {} for name in known} | options_by_slot(flags, known_flags)
