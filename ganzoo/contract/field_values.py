"""How the values of a field are stored, checked, normalised, embedded, drawn, written and read."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import IO, Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganzoo.catalogue.data import Field
from ganzoo.catalogue.several import refuse_text
from ganzoo.catalogue.target import load_target
from ganzoo.contract.chooser import Chooser
from ganzoo.drawing import grid, scatter
from ganzoo.errors import UserError
from ganzoo.randomness import Draws

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


class FieldValues(ABC):
    """What ganzoo does with the values of a ``field``; a type of field names such a class, built as ``target(field)``.

    ``stored`` is the dtype that datasets deliver. ``suffix`` ends the name of a file with one example (``.png``), and
    is empty if there is no such file. ``animation`` is the suffix of a moving picture of many examples, or empty.
    ``inputs`` are the suffixes of the files that :meth:`decode` reads. ``tiled`` values can be seen as images.
    ``crowd`` is how many examples a picture needs, or 0 if it shows some of them one by one.
    """

    stored: ClassVar[torch.dtype] = torch.float32
    suffix: ClassVar[str] = ""
    animation: ClassVar[str] = ""
    inputs: ClassVar[tuple[str, ...]] = ()
    tiled: ClassVar[bool] = False
    crowd: ClassVar[int] = 0

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_text(f"inputs of {cls.__name__}", cls.inputs)

    def __init__(self, field: Field):
        self.field = field

    def fault(self, values: Tensor) -> str:
        """Return what is wrong with the numbers of stored ``values`` (B, …), as in ``labels from 0 to 12``, or ""."""
        return ""

    def normalise(self, values: Tensor) -> Tensor:
        """Return stored values (B, …) in the form that networks receive; runs on the device and reads no value."""
        return values

    def unpack(self, numbers: Tensor) -> Tensor:
        """Return values (B, …) as networks receive them from all their numbers (B, F), float32."""
        return numbers.view(-1, *self.field.shape)

    def gather(self, name: str, fields: Mapping[str, Tensor]) -> Tensor:
        """Return the values (B, …) of the field ``name`` out of those of a batch, as networks receive them."""
        return fields[name]

    def trial(self, count: int, draws: Draws) -> Tensor:
        """Return random values (count, …) as networks receive them, for the dry run; by default, real numbers."""
        shape = (count, *self.field.shape)
        return draws.uniform(*shape) * 2 - 1 if self.field.bounded else draws.normal(*shape)

    def embedding(self, size: int, deviation: float = 1.0, mean: float = 0.0) -> nn.Module:
        """Return a learnt map from values (B, …) to vectors (B, size), with initial outputs around ``mean``.

        Its initial weights are N(mean, deviation²). Raises ``ValueError`` if values of this type have no embedding.
        """
        raise ValueError(f"{self.field.describe()} have no embedding")

    @property
    def code_size(self) -> int:
        """The number N of numbers in a :meth:`code`."""
        return self.field.size

    def code(self, values: Tensor) -> Tensor:
        """Return values (B, …) as numbers (B, N), float32, with nothing learnt: a class is one-hot."""
        return values.flatten(1).float()

    def every(self, count: int) -> Tensor:
        """Return conditions (count, …) for someone who chose none; raises :class:`UserError` if one must choose."""
        raise UserError(f"this model is conditional and needs {self.needed()}")

    @property
    def has_every(self) -> bool:
        """Whether :meth:`every` chooses for someone who chose no condition."""
        try:
            self.every(1)
        except UserError:
            return False
        return True

    def needed(self) -> str:
        """Return how to give a condition of this type on the command line, as in ``--label: a class``."""
        return f"--label: a tensor of shape {self.field.shape}"

    def chooser(self) -> Chooser:
        """Return how a person chooses a value by hand; by default a file, or a word without any help."""
        return Chooser(files=self.inputs)

    def read(self, value: Any) -> Tensor:
        """Return one condition from what a user gave: a word of a command line, or an object.

        Raises :class:`UserError` if it is no condition of this field.
        """
        if not isinstance(value, Tensor) or tuple(value.shape) != self.field.shape:
            raise UserError(f"a condition must be a tensor of shape {self.field.shape}")
        return value

    def changed(self, values: Tensor, word: str) -> Tensor:
        """Return conditions (B, …) after a change that a user asked for in a word, as in ``smiling,hat=0``.

        Raises :class:`UserError` if conditions of this type are chosen as a whole.
        """
        raise UserError(f"{self.field.describe()} are chosen as a whole: give {self.needed()}")

    def word(self, value: Tensor) -> str:
        """Return a condition, as networks receive it, as the word from which :meth:`read` makes it, or nothing."""
        return ""

    def is_one(self, value: Any) -> bool:
        """Return whether ``value``, a list, a tuple or a tensor, is one condition and not several."""
        return isinstance(value, Tensor) and tuple(value.shape) == self.field.shape

    def decode(self, file: IO[bytes]) -> Tensor:
        """Return one condition from an open file; raises any exception for a file that it cannot read."""
        raise UserError(f"{self.field.describe()} are not read from files")

    def encode(self, value: Tensor) -> bytes:
        """Return one example as a file with :attr:`suffix`."""
        raise UserError(f"{self.field.describe()} are not written to files")

    def to_array(self, values: Tensor) -> Array:
        """Return values (B, …) as an array for a ``.npz`` file."""
        return values.numpy()

    def from_array(self, array: Array) -> Tensor:
        """Return values (B, …) as generators make them from an array of somebody else; the inverse of to_array.

        Raises :class:`UserError` if they do not have the shape of the field, or are no numbers.
        """
        if array.shape[1:] != self.field.shape or array.dtype.kind not in "uif" or not np.isfinite(array).all():
            expected = (len(array), *self.field.shape)
            raise UserError(f"the array must hold finite numbers of shape {expected}, not {array.dtype} {array.shape}")
        return torch.from_numpy(array.astype(np.float32))

    def misfit(self, file: IO[bytes]) -> str:
        """Return why the example in an open file would have to be scaled, as in ``is 64×64, not 32×32``, or ""."""
        return ""

    def tiles(self, values: Tensor) -> Tensor:
        """Return one image in [-1, 1] for each of the values, (B, C, H, W), if they are :attr:`tiled`."""
        raise NotImplementedError

    def frames(self, values: Tensor) -> Sequence[Tensor]:
        """Return the images (B, C, H, W) of every moment of the values, for types with an :attr:`animation`."""
        return ()

    def draw(
        self, values: Tensor, columns: int, headings: Sequence[str] = (), real: Tensor | None = None
    ) -> Image.Image:
        """Return a picture of values (B, …): :attr:`tiled` ones in rows of ``columns``, others as points.

        Each column has a heading. ``real`` (N, …) are real values to compare points with.
        """
        if self.tiled:
            return grid(self.tiles(values), columns, headings)
        points = [None if found is None else found.reshape(len(found), -1).float() for found in (values, real)]
        assert points[0] is not None
        return scatter(points[0], points[1])


@lru_cache(maxsize=256)
def values_of(field: Field) -> FieldValues:
    """Return what handles the values of ``field``; raises :class:`UserError` if its type cannot be loaded."""
    try:
        target = load_target(field.type.target)
    except ImportError as problem:
        raise UserError(f"field type {field.kind!r}: {problem}") from problem
    if not (isinstance(target, type) and issubclass(target, FieldValues)):
        raise UserError(f"the target of field type {field.kind!r} must be a class derived from FieldValues")
    found = target(field)
    assert isinstance(found, FieldValues)
    return found


def embedding(condition: Field, size: int, deviation: float = 1.0, mean: float = 0.0) -> nn.Module:
    """Return a learnt map from conditions (B, …) to vectors (B, size), with initial outputs around ``mean``.

    A class has a row of its own; a vector is mapped linearly; a caption is the mean of its words' rows. The initial
    weights are N(mean, deviation²). Raises ``ValueError`` if ``condition`` has a type without embeddings.

    >>> layer = embedding(Field("class", classes=10), size=128)
    >>> layer(torch.tensor([3, 7])).shape
    torch.Size([2, 128])
    """
    return values_of(condition).embedding(size, deviation, mean)
