"""Classes and captions: whole numbers that name something."""

from __future__ import annotations

import operator
from typing import Any, final

import torch
from torch import Tensor, nn

from ganzoo.contract.chooser import Chooser
from ganzoo.contract.field_values import FieldValues
from ganzoo.errors import UserError
from ganzoo.randomness import Draws
from ganzoo.text import did_you_mean, index_of, warn_once


class _Indices(FieldValues):
    """Indices, int64, of which there are :attr:`many`."""

    stored = torch.int64

    @property
    def many(self) -> int:
        """The number of different indices, or 0 if that is not known."""
        return self.field.classes or len(self.field.names)

    def fault(self, values: Tensor) -> str:
        """Return the range of the indices if it is too large."""
        if not self.many or not values.numel():
            return ""
        low, high = int(values.min()), int(values.max())
        if low >= 0 and high < self.many:
            return ""
        return f"{self.noun} from {low} to {high}; {self.field.describe()} allow 0 to {self.many - 1}"

    def unpack(self, numbers: Tensor) -> Tensor:
        """Return the numbers as indices again."""
        return super().unpack(numbers).long()

    @property
    def noun(self) -> str:
        """What the indices are, in messages."""
        return "labels"

    def trial(self, count: int, draws: Draws) -> Tensor:
        """Return random indices."""
        return draws.integers(self.many or 1, count, *self.field.shape)


@final
class ClassValues(_Indices):
    """Classes: one index."""

    def embedding(self, size: int, deviation: float = 1.0, mean: float = 0.0) -> nn.Embedding:
        """Return a row for each class."""
        layer = nn.Embedding(self.field.classes, size)
        nn.init.normal_(layer.weight, mean, deviation)
        return layer

    @property
    def code_size(self) -> int:
        """The number of classes."""
        return self.field.classes

    def code(self, values: Tensor) -> Tensor:
        """Return one-hot classes."""
        return _counts(values[:, None], self.code_size)

    def every(self, count: int) -> Tensor:
        """Return all classes in turn."""
        return torch.arange(count) % self.field.classes

    def chooser(self) -> Chooser:
        """Offer every class."""
        return Chooser([self.field.class_name(index) for index in range(self.field.classes)])

    def read(self, value: Any) -> Tensor:
        """Read a class by its name, whatever the type of ``value``; a number that is no name is an index.

        So ``3``, ``"3"`` and ``torch.tensor(3)`` are one class: the one called 3, or else the fourth.
        """
        names, classes = self.field.names, self.field.classes
        text = value if isinstance(value, str) else _whole(value)
        for word in (text, text.strip()):
            if (found := index_of(word, names)) is not None:
                return torch.tensor(found)
        numbered = any(name.isdecimal() for name in names)
        try:
            index = int(text)
        except ValueError:
            have = ", ".join(names) or f"0 to {classes - 1}"
            shown = repr(value) if isinstance(value, str) else str(value)
            raise UserError(f"no class is called {shown}{did_you_mean(text, names)} Classes: {have}") from None
        if not 0 <= index < classes:
            also = f"no class is called {index}, as they are called {', '.join(names)}; by index, " if numbered else ""
            raise UserError(f"{also}class {index} is out of range: there are the classes 0 to {classes - 1}")
        if numbered:
            warn_once(
                f"label {index} is read as an index, as no class is called {index}: it is class {names[index]!r}; "
                "give a name to choose by name"
            )
        return torch.tensor(index)

    def word(self, value: Tensor) -> str:
        """Return the name of the class, or its number."""
        return self.field.class_name(int(value))


def _counts(indices: Tensor, many: int) -> Tensor:
    """Return how often each of ``many`` indices is in each row of indices (B, L), as float32 (B, many).

    An index out of range raises.
    """
    counts = indices.new_zeros(indices.shape[0], many, dtype=torch.float32)  # len() would be a number in an export
    return counts.scatter_add_(1, indices, torch.ones_like(indices, dtype=counts.dtype))


def _whole(value: Any) -> str:
    """Return a whole number of any type as a word, and anything else as text."""
    try:
        return str(operator.index(value))
    except (TypeError, ValueError):
        return str(value)


@final
class CaptionValues(_Indices):
    """Captions: the indices of their words; 0 is padding."""

    @property
    def noun(self) -> str:
        """Words."""
        return "words"

    def embedding(self, size: int, deviation: float = 1.0, mean: float = 0.0) -> nn.EmbeddingBag:
        """Return the mean of a row for each word."""
        layer = nn.EmbeddingBag(max(len(self.field.names), 1), size, mode="mean", padding_idx=0)
        nn.init.normal_(layer.weight, mean, deviation)
        return layer

    @property
    def code_size(self) -> int:
        """The number of words without padding, at least 1."""
        return max(len(self.field.names) - 1, 1)

    def code(self, values: Tensor) -> Tensor:
        """Return the share of each word among the words of a caption; an empty caption is all zeros."""
        counts = _counts(values, 1 + self.code_size)[:, 1:]
        return counts / counts.sum(1, keepdim=True).clamp_min(1)

    def needed(self) -> str:
        """Return how to give a caption."""
        words = [name for name in self.field.names if not name.startswith("<")]
        return f"--label: a caption of the words: {', '.join(words)}" if words else super().needed()

    def chooser(self) -> Chooser:
        """Offer every word that is no sign of its own, such as that for padding."""
        words = [name for name in self.field.names[1:] if not name.startswith("<")]
        return Chooser(words, " ", words[0] if words else "")

    def read(self, value: Any) -> Tensor:
        """Read words with spaces between them, or a tensor of indices."""
        names = self.field.names
        if isinstance(value, Tensor):
            tokens = super().read(value).long()
            if names and not bool(((tokens >= 0) & (tokens < len(names))).all()):
                raise UserError(f"a caption's words are 0 to {len(names) - 1}, not {tokens.tolist()}")
            return tokens
        words = str(value).lower().split()
        found = [(word, index_of(word, names)) for word in words]
        unknown = [word for word, index in found if index is None]
        if unknown:
            have = ", ".join(names[1:])
            raise UserError(f"no caption has the word {unknown[0]!r}{did_you_mean(unknown[0], names)} Words: {have}")
        if len(words) > self.field.size:
            raise UserError(f"a caption has at most {self.field.size} words, not {len(words)}")
        indices = [index for _, index in found if index is not None]
        return torch.tensor(indices + [0] * (self.field.size - len(words)))

    def word(self, value: Tensor) -> str:
        """Return the words."""
        return " ".join(self.field.names[index] for index in value.long().tolist() if 0 < index < len(self.field.names))
