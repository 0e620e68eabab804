"""Evaluation of a trained model: comparison with real data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.evaluation_plan import SAMPLES, EvaluationPlan, plan_evaluation, read_flags
from ganzoo.catalogue.options import SPLIT, values_of
from ganzoo.catalogue.registry import Part, Registry, part_from_json, part_of
from ganzoo.contract.judge import Examples, Track, untracked
from ganzoo.errors import Refused, UserError
from ganzoo.evaluation import Evaluation, open_evaluator
from ganzoo.storage.given_away import without_folders
from ganzoo.studio.made_elsewhere import read_examples
from ganzoo.studio.model import Model
from ganzoo.text import warn

DATASET = Slot("dataset", "dataset", "")


def evaluate(
    model: Model,
    registry: Registry,
    *,
    dataset: str | None = None,
    metrics: Iterable[str] = (),
    judge: str | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
    data_root: Path | None = None,
    device: torch.device | str = "cpu",
    flags: Mapping[str, Any] | None = None,
    track: Track = untracked,
    say: Callable[[str], None] = warn,
    describe: Callable[[str], None] = lambda text: None,
    against: tuple[Evaluation, str] | None = None,
) -> Evaluation:
    """Return the figures of ``samples`` examples of ``model`` by ``metrics``, by all that fit where none is named.

    Without ``dataset`` the data is that of the training, with the same options. ``flags`` are options of the dataset,
    the judge and the metrics, such as ``dataset-size`` or ``kernel-subsets``. ``describe`` is told what the data is.
    ``model`` is moved to ``device``. Raises
    :class:`UserError` where something does not fit, where the examples are too few, or where ``against``, other figures
    and their owner, were measured in another way.
    """
    plan = choose_plan(model, registry, dataset, metrics, judge, flags or {})
    root = data_root or usual_root(model)
    model = model.to(device)
    evaluator = open_evaluator(
        plan, root, model.output, model.condition, torch.device(device), track, say, samples, describe, model.generates
    )
    trained_on = model.header.fingerprints.get(model.generates.values.slot)
    if trained_on is not None and (difference := evaluator.difference(trained_on)):
        say(difference)
    if against is not None:
        evaluator.empty_evaluation(samples).refuse_incomparable(*against)
    found = evaluator.evaluate(model.recipe, samples, seed, track, model.output_name)
    if against is not None:
        found.refuse_incomparable(*against)
    return found


def evaluate_examples(
    path: Path,
    registry: Registry,
    *,
    dataset: str,
    metrics: Iterable[str] = (),
    judge: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    data_root: Path | None = None,
    device: torch.device | str = "cpu",
    flags: Mapping[str, Any] | None = None,
    track: Track = untracked,
    say: Callable[[str], None] = warn,
    describe: Callable[[str], None] = lambda text: None,
    against: tuple[Evaluation, str] | None = None,
) -> Evaluation:
    """Return the figures of the examples in a folder or a ``.npz`` file, of which ``samples`` are chosen with ``seed``.

    By default all are taken. The rest is as in :func:`evaluate`.
    """
    of_data, others = _divided(flags or {})
    part = _named_dataset(registry, dataset, of_data)
    plan = plan_evaluation(registry, part, judge, metrics, others)
    plan = dataclasses.replace(plan, named_part=f"{DATASET.name}-{SPLIT}" in of_data)
    root = data_root or Path("data")
    with part.attributed():
        spec = plan.data.spec(root)
    made = read_examples(path, spec)
    if samples is not None and samples < len(made):
        order = torch.randperm(len(made), generator=torch.Generator().manual_seed(seed))
        made = made.at(order[:samples].sort().values)
    condition = spec.condition_field if made.labels is not None else None
    evaluator = open_evaluator(
        plan, root, spec.target_field, condition, torch.device(device), track, say, len(made), describe
    )
    if against is not None:
        evaluator.empty_evaluation(len(made)).refuse_incomparable(*against)
    labels = made.labels.to(device) if made.labels is not None else None
    found = evaluator.measure(Examples(made.values.to(device), labels, labels))
    if against is not None:
        found.refuse_incomparable(*against)
    return found


def choose_plan(
    model: Model,
    registry: Registry,
    dataset: str | None,
    metrics: Iterable[str],
    judge: str | None,
    flags: Mapping[str, Any],
) -> EvaluationPlan:
    """Return the data, the judge and the metrics for the evaluation of ``model``; raises :class:`Refused`."""
    of_data, others = _divided(flags)
    part = _dataset(model, registry, dataset, of_data)
    plan = plan_evaluation(registry, part, judge, metrics, others)
    return dataclasses.replace(plan, named_part=f"{DATASET.name}-{SPLIT}" in of_data)


def _divided(flags: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the dataset, and those of the judge and the metrics."""
    prefix = f"{DATASET.name}-"
    of_data = {name: value for name, value in flags.items() if name.startswith(prefix)}
    return of_data, {name: value for name, value in flags.items() if name not in of_data}


def usual_root(model: Model) -> Path:
    """Return the data folder of the model's training where it still exists, else ``data``."""
    # Models of earlier versions say it themselves.
    for about in (model.config, model.header.raw):
        run = about.get("run")
        then = run.get("data_root") if isinstance(run, Mapping) else None
        if isinstance(then, str) and Path(then).is_dir():
            return Path(then)
    return Path("data")


def _dataset(model: Model, registry: Registry, name: str | None, flags: Mapping[str, Any]) -> Part:
    trained = _with_places(model.header.parts.get(model.generates.values.slot), model)
    if trained is None and name is None:
        raise UserError("the model does not say what it was trained on: give --dataset")
    # Data that a program gives now has options of its own, even where it has the name of the data of the training.
    same = name is None or (_name(trained) == name and registry.entry(DATASET.kind, name).provider.package != LOCAL)
    then = part_from_json(registry, DATASET, trained) if same else None
    before = values_of(then.config) if then is not None else {}
    return _named_dataset(registry, name or _name(trained), flags, before)


def _named_dataset(
    registry: Registry, name: str, flags: Mapping[str, Any], before: Mapping[str, Any] = MappingProxyType({})
) -> Part:
    """Return the dataset ``name`` with the options ``flags``, which overrule those ``before``."""
    entry = registry.entry(DATASET.kind, name)
    component = registry.component(DATASET.kind, entry.item.name)
    problems: list[str] = []
    given = read_flags(flags, {DATASET.name: (DATASET, component)}, problems)[DATASET.name]
    if problems:
        raise Refused(problems)
    return part_of(entry, DATASET, {**before, **given})


def _with_places(part: Any, model: Model) -> Any:
    """Return the description of a dataset with its paths, which the config of the run has and the model has not."""
    parts = model.config.get("parts")
    recorded = parts.get(model.generates.values.slot) if isinstance(parts, Mapping) else None
    options = recorded.get("config") if isinstance(recorded, Mapping) else None
    if not isinstance(options, Mapping) or not isinstance(part, Mapping):
        return part
    same = without_folders(options) == part.get("config") and _name(recorded) == _name(part)
    return {**part, "config": options} if same else part


def _name(part: Any) -> str:
    return str(part.get("name", "")) if isinstance(part, Mapping) else ""
