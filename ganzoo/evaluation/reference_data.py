"""The real examples that models are held against."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from ganzoo.assembly.parts import SelectedParts
from ganzoo.batches.reading import length_of, normalise, read_in_chunks
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.evaluation_plan import SPLIT, EvaluationPlan
from ganzoo.catalogue.options import DataConfig, values_of
from ganzoo.catalogue.registry import Part
from ganzoo.contract.judge import Examples
from ganzoo.errors import UserError
from ganzoo.randomness import key

BUDGET = 2**31  # bytes of real examples to hold, as float32; of larger data a random part is taken
JUDGED = 0.8  # share of the examples that a judge learns from, where the data is not published in parts
STREAM = "reference"
FEW = 4  # names that are told


@final
class ReferenceData:
    """The data of a judgement: ``train`` is what models train on, ``real`` what they are held against.

    Data that is published in parts has a test part for that; of other data all examples are taken, and a judge is
    tested on a fifth that it has not seen.
    """

    def __init__(self, plan: EvaluationPlan, root: Path, device: torch.device):
        self._part, self._root, self._device = plan.dataset, root, device
        self._parted = plan.parted
        config = self._part.config
        assert isinstance(config, DataConfig)
        if self._parted and getattr(config, SPLIT) != "train":
            raise UserError(
                f"{self._part.label} is held against its test part, which nothing may have been trained on: "
                f"this model was, or --dataset-{SPLIT} says so; name another --dataset"
            )
        with self._part.attributed():
            self.spec: DataSpec = config.spec(root)

    @property
    def name(self) -> str:
        """The name of the dataset."""
        return self._part.component.name

    @property
    def label(self) -> str:
        """How messages call it."""
        return self._part.label

    @property
    def device(self) -> torch.device:
        """Where the examples are."""
        return self._device

    @property
    def split(self) -> str:
        """Which examples ``real`` are."""
        part = "test" if self._parted else "all"
        have, total = len(self.real), self._real[2]
        return part if have == total else f"{part}, {have} of {total} at random"

    @property
    def classes(self) -> Field | None:
        """The field of the classes, whether or not it conditions the data; ``None`` where there is none."""
        return self.spec.fields[self._label] if self._label else None

    @property
    def choices(self) -> dict[str, Any]:
        """The options of the dataset that every part of it shares, as JSON values."""
        return {name: value for name, value in values_of(self._part.config).items() if name != SPLIT}

    @property
    def train(self) -> Examples:
        """What models train on, on the device."""
        return self._train[0]

    @property
    def real(self) -> Examples:
        """What models are held against, on the device."""
        return self._real[0]

    @cached_property
    def judge_train(self) -> Examples:
        """What a judge learns from."""
        return self.train if self._parted else self.train.at(self._divided[0])

    @cached_property
    def judge_test(self) -> Examples:
        """What a judge is tested on."""
        return self.real if self._parted else self.train.at(self._divided[1])

    def conditions(self, count: int) -> Tensor | None:
        """Return conditions (count, …) for examples to make: those of the real ones, in an order drawn at random.

        They come again where there are fewer of them.
        """
        given = self.real.labels if self.spec.condition == self._label else self._real[1]
        if given is None:
            return None
        order = torch.randperm(len(given), generator=torch.Generator().manual_seed(key(0, f"{STREAM}/conditions")))
        return given.cpu()[order[torch.arange(count) % len(order)]]

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 of what models are held against."""
        return fingerprint(self.real)

    @cached_property
    def _train(self) -> tuple[Examples, Tensor | None, int]:
        return self._read("train")

    @cached_property
    def _real(self) -> tuple[Examples, Tensor | None, int]:
        return self._read("test") if self._parted else self._train

    @cached_property
    def _divided(self) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(key(0, f"{STREAM}/judge")))
        bound = round(JUDGED * len(order))
        return order[:bound].to(self._device), order[bound:].to(self._device)

    @property
    def _label(self) -> str:
        found = self.spec.condition_field
        if found is not None and found.kind == "class":
            return self.spec.condition
        return next((name for name, field in self.spec.fields.items() if field.kind == "class"), "")

    def _read(self, split: str) -> tuple[Examples, Tensor | None, int]:
        """Read one part: the examples, their conditions where these are no classes, and how many there are in all."""
        config = self._part.config
        if self._parted:
            config = dataclasses.replace(config, **{SPLIT: split})
        part = dataclasses.replace(self._part, config=config)
        dataset = SelectedParts({"dataset": part}).build("dataset", root=self._root)
        target, condition = self.spec.target_field, self.spec.condition
        limit = max(1, BUDGET // (4 * target.size))
        length = length_of(dataset, self.label)
        indices = torch.arange(length)
        if length > limit:
            generator = torch.Generator().manual_seed(key(0, f"{STREAM}/{split}"))
            indices = torch.randperm(length, generator=generator)[:limit].sort().values
        values = torch.empty((len(indices), *target.shape), device=self._device)
        labels = torch.empty(len(indices), dtype=torch.int64, device=self._device) if self._label else None
        given = []
        for place, fields in read_in_chunks(dataset, indices, self.spec, self.label):
            values[place] = normalise(target, fields[self.spec.target])
            if labels is not None:
                labels[place] = fields[self._label]
            if condition and condition != self._label:
                given.append(normalise(self.spec.fields[condition], fields[condition]))
        return Examples(values, labels), torch.cat(given) if given else None, length


def fingerprint(examples: Examples) -> str:
    """Return a sha256 of examples and their classes."""
    digest = hashlib.sha256(str(tuple(examples.values.shape)).encode())
    for values in (examples.values, examples.labels):
        if values is not None:
            digest.update(values.contiguous().cpu().numpy().data)
    return digest.hexdigest()


def check_output(part: Part, spec: DataSpec, output: Field, condition: Field | None) -> None:
    """Raise :class:`UserError` where a model that makes ``output`` cannot be held against data of this ``spec``."""
    target = spec.target_field
    if (output.kind, output.shape) != (target.kind, target.shape):
        resized = output.kind == target.kind and output.shape[:1] == target.shape[:1] and hasattr(part.config, "size")
        advice = "set --dataset-size, or name another --dataset" if resized else "name another --dataset"
        raise UserError(f"the model makes {output.describe()}, and {part.label} has {target.describe()}: {advice}")
    given = spec.condition_field
    if condition is None:
        return
    if given != condition:
        raise UserError(
            f"the model is conditioned on {_named(condition)}, and {part.label} has {_named(given)}: "
            "name another --dataset"
        )


def _named(field: Field | None) -> str:
    """Return a field in words, with the names of its classes, attributes or words, as far as a line allows."""
    if field is None:
        return "no condition"
    names = ", ".join(field.names[:FEW]) + (", …" if len(field.names) > FEW else "")
    return f"{field.describe()} ({names})" if names else field.describe()
