"""Several fields as one, such as a class with attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor, nn

from ganzoo.catalogue.data import Field
from ganzoo.contract.chooser import Chooser
from ganzoo.contract.field_values import FieldValues, values_of
from ganzoo.errors import UserError
from ganzoo.randomness import Draws
from ganzoo.text import did_you_mean


@final
class JoinedValues(FieldValues):
    """All numbers of several fields beside each other, as float32, which holds every index exactly."""

    def __init__(self, field: Field):
        super().__init__(field)
        self.members = {name: values_of(member) for name, member in field.members}
        self.sizes = [member.size for _, member in field.members]

    def join(self, fields: Mapping[str, Tensor]) -> Tensor:
        """Return the values (B, F) of ``fields``, which have the members as networks receive them."""
        return torch.cat([fields[name].reshape(len(fields[name]), -1).float() for name in self.members], dim=1)

    def gather(self, name: str, fields: Mapping[str, Tensor]) -> Tensor:
        """Return the values (B, F) of ``name``, which are made of their members where the batch does not have them."""
        return fields[name] if name in fields else self.join(fields)

    def divide(self, values: Tensor) -> list[Tensor]:
        """Return the values (B, …) of each member, as networks receive them."""
        parts = values.split(self.sizes, dim=1)
        return [member.unpack(part) for member, part in zip(self.members.values(), parts, strict=True)]

    @property
    def tiled(self) -> bool:  # type: ignore[override]
        """Whether one of the members can be seen as an image."""
        return any(member.tiled for member in self.members.values())

    def tiles(self, values: Tensor) -> Tensor:
        """Return the images of the first member that has some."""
        parts = zip(self.members.values(), self.divide(values), strict=True)
        return next(member.tiles(part) for member, part in parts if member.tiled)

    def trial(self, count: int, draws: Draws) -> Tensor:
        """Return random values of each member."""
        return self.join({name: member.trial(count, draws) for name, member in self.members.items()})

    def embedding(self, size: int, deviation: float = 1.0, mean: float = 0.0) -> nn.Module:
        """Return the sum of an embedding of each member."""
        return _SumOfEmbeddings(self, size, deviation, mean)

    @property
    def code_size(self) -> int:
        """The sum of those of the members."""
        return sum(member.code_size for member in self.members.values())

    def code(self, values: Tensor) -> Tensor:
        """Return the codes of the members beside each other."""
        parts = zip(self.members.values(), self.divide(values), strict=True)
        return torch.cat([member.code(part) for member, part in parts], dim=1)

    def every(self, count: int) -> Tensor:
        """Return what each member returns; raises :class:`UserError` if one of them must be chosen."""
        try:
            return self.join({name: member.every(count) for name, member in self.members.items()})
        except UserError:
            raise UserError(f"this model is conditional and needs {self.needed()}") from None

    def needed(self) -> str:
        """Return how to give all members."""
        return f"--label: {'; '.join(f'{name}=…' for name in self.members)}"

    def is_one(self, value: Any) -> bool:
        """Return whether it is one condition, as a tensor; a mapping always is."""
        return isinstance(value, Mapping) or super().is_one(value)

    def chooser(self) -> Chooser:
        """Offer what each member offers; where all values take turns, the first one is chosen at first."""
        members = {}
        for name, member in self.members.items():
            offered = member.chooser()
            members[name] = replace(offered, start=offered.start or "".join(offered.words[:1]))
        return Chooser(members=members)

    def read(self, value: Any) -> Tensor:
        """Read a mapping, a tensor, or ``label=circle; attributes=red+large``."""
        if isinstance(value, Tensor):
            return super().read(value).float()
        given = dict(value) if isinstance(value, Mapping) else _parsed(str(value))
        for name in given:
            if name not in self.members:
                hint = did_you_mean(str(name), self.members)
                raise UserError(f"the condition has no field {name!r}{hint} Give {self.needed()}")
        if missing := [name for name in self.members if name not in given]:
            raise UserError(f"the condition {value!r} lacks {', '.join(missing)}: give {self.needed()}")
        return self.join({name: member.read(given[name])[None] for name, member in self.members.items()})[0]

    def word(self, value: Tensor) -> str:
        """Return the words of all members, with their names."""
        parts = zip(self.members.items(), self.divide(value[None]), strict=True)
        return "; ".join(f"{name}={member.word(part[0])}" for (name, member), part in parts)


@final
class _SumOfEmbeddings(nn.Module):
    """An embedding of each member; their sum has the mean and the deviation of a single one."""

    def __init__(self, values: JoinedValues, size: int, deviation: float, mean: float):
        super().__init__()
        self._values, many = values, len(values.members)
        self.members = nn.ModuleList(
            member.embedding(size, deviation / many**0.5, mean / many) for member in values.members.values()
        )

    def forward(self, values: Tensor) -> Tensor:
        """Return vectors (B, size)."""
        parts = self._values.divide(values)
        vectors = [embed(part) for embed, part in zip(self.members, parts, strict=True)]
        return torch.stack(vectors).sum(0)


def _parsed(words: str) -> dict[str, str]:
    """Return the names and values in ``name=value; name=value``."""
    pairs = [part.partition("=") for part in words.split(";") if part.strip()]
    return {name.strip(): value.strip() for name, _, value in pairs}
