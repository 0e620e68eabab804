"""The real examples that generated examples are compared with."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from ganzoo.assembly.parts import SelectedParts
from ganzoo.batches.class_order import Renumbered, in_known_order, renumbering
from ganzoo.batches.fingerprint import Fingerprint, fingerprint_of
from ganzoo.batches.reading import Receiver, described_examples, length_of, notes_of, read_in_chunks
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.evaluation_plan import EvaluationPlan
from ganzoo.catalogue.options import SPLIT, Config, DataConfig, values_of
from ganzoo.catalogue.registry import Part
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.judge import Examples
from ganzoo.contract.recipe import Output
from ganzoo.errors import UserError
from ganzoo.randomness import key
from ganzoo.storage.given_away import without_folders

BUDGET = 2**31  # bytes of real examples in memory, as float32; of larger data a random part is used
JUDGE_SHARE = 0.8  # of the examples train a judge, if the data is not published in parts
STREAM = "reference"
MAX_NAMES = 4  # of classes in a message


@dataclass(frozen=True)
class _ReadPart:
    """Examples of a part of the data, of which there are ``total``."""

    examples: Examples
    total: int
    fingerprint: Fingerprint


@final
class ReferenceData:
    """The data of an evaluation: models are trained on ``train``, and compared with ``real``.

    If the data has a test part, ``real`` is that part. Otherwise both are all examples, and a judge is tested on the
    fifth of them that it is not trained on.
    ``condition`` is the condition of the model: data with the same classes in another order gets its order.
    ``generates`` are the names of what the model makes and of its condition, for data whose target is another one: that
    of another direction of a translation.
    ``describe`` is told what the data is before it is read. ``note`` says with which part of it models are compared,
    where that was found in the data itself.
    """

    def __init__(
        self,
        plan: EvaluationPlan,
        root: Path,
        device: torch.device,
        condition: Field | None = None,
        describe: Callable[[str], None] = lambda text: None,
        generates: Output | None = None,
    ):
        self._part, self._root, self._device, self._describe = plan.dataset, root, device, describe
        config = plan.data
        if plan.parted and getattr(config, SPLIT) != "train":
            raise UserError(
                f"models are compared with the test part of {self._part.label}, and must not be trained on it: "
                f"this model was, or --dataset-{SPLIT} says so; name another --dataset"
            )
        with self._part.attributed():
            delivered = config.spec(root)
            self._tested, self.note = _comparable(plan, root, delivered)
        known = _towards(delivered, generates)
        self.spec: DataSpec = in_known_order(known, _fields_of(condition, known))
        self._renumbering = renumbering(delivered, self.spec)

    @property
    def name(self) -> str:
        """The name of the dataset."""
        return self._part.component.name

    @property
    def label(self) -> str:
        """The name of the dataset in messages."""
        return self._part.label

    @property
    def device(self) -> torch.device:
        """The device of the examples."""
        return self._device

    @property
    def has_test_part(self) -> bool:
        """Whether models are compared with other examples than they are trained on."""
        return self._tested != self._part.config

    @property
    def provides(self) -> frozenset[str]:
        """The capabilities of the data."""
        return self.spec.provides | ({"data:unseen"} if self.has_test_part else frozenset())

    @property
    def part(self) -> str:
        """The part of the data in ``real``, such as ``test``, or ``all``."""
        return _part_named_in(self._tested) if self.has_test_part else "all"

    @property
    def split(self) -> str:
        """The examples in ``real``, as text: ``test``, ``all``, or a random part of these."""
        used, total = len(self.real), self._real.total
        return self.part if used == total else f"{self.part}, {used} of {total} at random"

    @property
    def classes(self) -> Field | None:
        """The field of the classes, whether or not it is the condition; ``None`` if there is none."""
        return self.spec.fields[self._label] if self._label else None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, numbers where they have none; empty if there are no classes."""
        field = self.classes
        return tuple(map(field.class_name, range(field.classes))) if field is not None else ()

    @property
    def choices(self) -> dict[str, Any]:
        """The options of the dataset except the part of the data and the folders above it, as JSON values."""
        return without_folders({name: value for name, value in values_of(self._part.config).items() if name != SPLIT})

    @property
    def train(self) -> Examples:
        """The examples that models are trained on, on the device."""
        return self._train.examples

    @property
    def real(self) -> Examples:
        """The examples that models are compared with, on the device."""
        return self._real.examples

    def difference(self, trained_on: Fingerprint) -> str:
        """Return how the training data here differs from that of a model, as a sentence; empty if it does not."""
        now = self._train.fingerprint
        if trained_on.is_of_other_data(now):
            return (
                f"the model was trained on other data: its {trained_on.examples:,} examples are not among the "
                f"{now.examples:,} of {self.label}"
            )
        change = trained_on.change(now)
        return f"{self.label} has changed since the model was trained: {change}" if change else ""

    @cached_property
    def judge_train(self) -> Examples:
        """The examples that a judge is trained on."""
        return self.train if self.has_test_part else self.train.at(self._divided[0])

    @cached_property
    def judge_test(self) -> Examples:
        """The examples that a judge is tested on."""
        return self.real if self.has_test_part else self.train.at(self._divided[1])

    def conditions(self, count: int) -> Tensor | None:
        """Return conditions (count, …) on the CPU for generated examples: those of the real ones, in random order.

        If there are fewer real examples than ``count``, they are repeated.
        """
        real = self.real.conditions
        return None if real is None else real[self._order(count)].cpu()

    def truth(self, count: int) -> Tensor | None:
        """Return the real examples (count, …) with the conditions of :meth:`conditions`, on the device, if paired."""
        return self.real.values[self._order(count)] if self.spec.paired else None

    def _order(self, count: int) -> Tensor:
        generator = torch.Generator().manual_seed(key(0, f"{STREAM}/conditions"))
        order = torch.randperm(len(self.real), generator=generator)
        return order[torch.arange(count) % len(order)].to(self._device)

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 of the examples that models are compared with."""
        return fingerprint(self.real)

    @cached_property
    def _train(self) -> _ReadPart:
        return self._read(self._part.config, "train")

    @cached_property
    def _real(self) -> _ReadPart:
        return self._read(self._tested, self.part) if self.has_test_part else self._train

    @cached_property
    def _divided(self) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(key(0, f"{STREAM}/judge")))
        bound = round(JUDGE_SHARE * len(order))
        return order[:bound].to(self._device), order[bound:].to(self._device)

    @property
    def _label(self) -> str:
        condition = self.spec.condition_field
        if condition is not None and condition.classes:
            return self.spec.condition
        return next((name for name, field in self.spec.fields.items() if field.classes), "")

    def _read(self, config: Config, name: str) -> _ReadPart:
        part = dataclasses.replace(self._part, config=config)
        dataset: Dataset = SelectedParts({"dataset": part}).build("dataset", root=self._root)
        length, known_by = length_of(dataset, self.label), fingerprint_of(dataset, self.label)
        which = f" ({name})" if self.has_test_part else ""
        self._describe(f"{self.name}{which}: {described_examples(length, self.spec)}")
        for note in notes_of(dataset, self.label):
            self._describe(f"  {note}")
        if self._renumbering:
            dataset = Renumbered(dataset, self._renumbering)
        target, condition = self.spec.target_field, self.spec.condition
        limit = max(1, BUDGET // (4 * target.size))
        indices = torch.arange(length)
        if length > limit:
            generator = torch.Generator().manual_seed(key(0, f"{STREAM}/{name}"))
            indices = torch.randperm(length, generator=generator)[:limit].sort().values
        values = torch.empty((len(indices), *target.shape), device=self._device)
        labels = torch.empty(len(indices), dtype=torch.int64, device=self._device) if self._label else None
        conditions, receiver = [], Receiver(self.spec)
        for rows, stored in read_in_chunks(dataset, indices, self.spec, self.label):
            fields = receiver(stored)
            values[rows] = fields[self.spec.target]
            if labels is not None:
                labels[rows] = fields[self._label]
            if condition and condition != self._label:
                conditions.append(fields[condition].to(self._device))
        known = torch.cat(conditions) if conditions else labels if condition else None
        return _ReadPart(Examples(values, labels, known), length, known_by)


def _comparable(plan: EvaluationPlan, root: Path, trained: DataSpec) -> tuple[DataConfig, str]:
    """Return the options of the data to compare with, and a sentence about it where it was found in the data."""
    tested = plan.tested(root)
    if tested == plan.data or plan.parted:
        return tested, ""
    what = f"the {_part_named_in(tested)} part of {plan.dataset.label}"
    try:
        delivered = tested.spec(root)
    except UserError as problem:
        return plan.data, f"models are not compared with {what}: {problem}"
    if delivered != trained:
        return plan.data, f"models are not compared with {what}, as it has other classes than the part for training"
    return tested, f"models are compared with {what}; --dataset-{SPLIT} of `ganzoo evaluate` chooses another part"


def _towards(spec: DataSpec, generates: Output | None) -> DataSpec:
    """Return ``spec`` with the target and the condition of a model, where it has both."""
    if generates is None or generates.condition is None:
        return spec
    names = generates.values.field, generates.condition.field
    known = all(name in spec.fields for name in names) and set(names) == {spec.target, spec.condition}
    return dataclasses.replace(spec, target=names[0], condition=names[1]) if known else spec


def _part_named_in(config: DataConfig) -> str:
    part = getattr(config, SPLIT)
    return ",".join(part) if isinstance(part, tuple) else str(part)


def _fields_of(condition: Field | None, spec: DataSpec) -> dict[str, Field]:
    """Return the fields by their names in ``spec`` that the condition of a model consists of."""
    if condition is None or not spec.condition:
        return {}
    return dict(condition.members) or {spec.condition: condition}


def fingerprint(examples: Examples) -> str:
    """Return a sha256 of examples and their classes."""
    digest = hashlib.sha256(str(tuple(examples.values.shape)).encode())
    for values in (examples.values, examples.labels):
        if values is not None:
            digest.update(values.contiguous().cpu().numpy().data)
    return digest.hexdigest()


def check_output(part: Part, spec: DataSpec, output: Field, condition: Field | None) -> None:
    """Raise :class:`UserError` if a model that generates ``output`` cannot be compared with data of this ``spec``."""
    target = spec.target_field
    if (output.kind, output.shape) != (target.kind, target.shape):
        resizable = output.kind == target.kind and output.shape[:1] == target.shape[:1] and hasattr(part.config, "size")
        advice = "set --dataset-size, or name another --dataset" if resizable else "name another --dataset"
        raise UserError(f"the model generates {output.describe()}, and {part.label} has {target.describe()}: {advice}")
    available = spec.condition_field
    if condition is None:
        return
    if available != condition:
        raise UserError(
            f"the model is conditioned on {_with_names(condition)}, and {part.label} has {_with_names(available)}: "
            "name another --dataset"
        )


def _with_names(field: Field | None) -> str:
    """Return the description of a field with the first names of its classes, attributes or words."""
    if field is None:
        return "no condition"
    names = ", ".join(field.names[:MAX_NAMES]) + (", …" if len(field.names) > MAX_NAMES else "")
    return f"{field.describe()} ({names})" if names else field.describe()
