"""What a training takes over of another model's weights: all that fits by name and shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.contract.working_state import model_state
from ganzoo.text import normal, one_line

_SHOWN = 4  # names in one line

Data = Mapping[str, DataSpec]


@dataclass(frozen=True)
class Rows:
    """The rows of an embedding that belong to classes which both models know: ``new`` takes those of ``old``."""

    new: Sequence[int]
    old: Sequence[int]


@dataclass(frozen=True)
class Takeover:
    """The tensors of a recipe that ``whole`` or in ``rows`` come from another model, and those that do not.

    ``reshaped`` have another shape there, ``missing`` are not there, ``unused`` are there alone.
    """

    whole: tuple[str, ...]
    rows: Mapping[str, Rows]
    reshaped: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def is_something(self, tensors: Mapping[str, Tensor]) -> bool:
        """Return whether weights of a layer are among it: some biases and counters fit any network."""
        return bool(self.rows) or any(tensors[name].dim() > 1 for name in self.whole)

    def apply(self, recipe: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Copy the weights into ``recipe``."""
        state = model_state(recipe)
        with torch.no_grad():
            for name in self.whole:
                state[name].copy_(tensors[name])
            for name, rows in self.rows.items():
                state[name][list(rows.new)] = tensors[name][list(rows.old)].to(state[name].dtype)

    def lines(self, recipe: nn.Module, source: object) -> list[str]:
        """Return what was taken over, and what starts anew, in a few lines for the user."""
        sizes = {name: value.numel() for name, value in model_state(recipe).items()}
        taken = sum(sizes[name] for name in self.whole)
        share = 100 * taken // max(1, sum(sizes.values()))
        lines = [f"starting from {source}: {len(self.whole)} of {len(sizes)} tensors, {share} % of the weights"]
        for name, rows in self.rows.items():
            lines.append(f"  {name}: the rows of {len(rows.new)} classes that both know; other classes start anew")
        for what, names in (
            ("start anew, with another shape there", self.reshaped),
            ("start anew, as they are not there", self.missing),
            ("are not needed here", self.unused),
        ):
            if names:
                lines.append(f"  {len(names)} {what}: {_listed(names)}")
        return lines


def plan(recipe: nn.Module, data: Data, tensors: Mapping[str, Tensor], known: Data) -> Takeover:
    """Return what ``recipe`` for ``data`` takes over of ``tensors``, the weights of a model for ``known`` data.

    The recipe may be on the meta device.
    """
    needs, embeddings = model_state(recipe), _embeddings(recipe)
    whole, rows, reshaped = list[str](), dict[str, Rows](), list[str]()
    for name, value in needs.items():
        other = tensors.get(name)
        if other is None:
            continue
        shared = _shared_rows(value, other, data, known) if name in embeddings else None
        if shared is not None:
            rows[name] = shared
        elif value.shape == other.shape and _same_type(value, other):
            whole.append(name)
        else:
            reshaped.append(name)
    missing = tuple(name for name in needs if name not in tensors)
    unused = tuple(name for name in tensors if name not in needs)
    return Takeover(tuple(whole), rows, tuple(reshaped), missing, unused)


def _same_type(value: Tensor, other: Tensor) -> bool:
    """Return whether one can be copied into the other; numbers of half precision can."""
    return value.dtype == other.dtype or (value.is_floating_point() and other.is_floating_point())


def _embeddings(recipe: nn.Module) -> set[str]:
    tables = (nn.Embedding, nn.EmbeddingBag)
    return {f"{name}.weight" for name, module in recipe.named_modules() if isinstance(module, tables)}


def _shared_rows(value: Tensor, other: Tensor, data: Data, known: Data) -> Rows | None:
    """Return the rows of a table of classes that both models know, if it is one and the classes are not the same."""
    if value.dim() != 2 or other.dim() != 2 or value.shape[1] != other.shape[1]:
        return None
    for now, before in _fields(data, known):
        names, others = _names(now), _names(before)
        if (len(names), len(others)) == (len(value), len(other)) and names != others:
            new = [index for index, name in enumerate(names) if name in others]
            if new:
                return Rows(new, [others.index(names[index]) for index in new])
    return None


def _fields(data: Data, known: Data) -> Iterator[tuple[Field, Field]]:
    """Yield the fields of the same name in both data specs."""
    for slot, spec in data.items():
        others: Mapping[str, Any] = known[slot].fields if slot in known else {}
        yield from ((field, others[name]) for name, field in spec.fields.items() if name in others)


def _names(field: Field) -> list[str]:
    """Return the names of the classes or words of a field; classes without names are called by their numbers."""
    return [normal(name) for name in field.names] or [str(number) for number in range(field.classes)]


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return one_line(", ".join(names[:_SHOWN])) + more
