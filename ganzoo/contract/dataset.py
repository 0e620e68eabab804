"""Datasets: real examples by index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

BLOCK = 16  # examples that are read at the beginning, in the middle and at the end, to tell data from other data


class Dataset(ABC):
    """Real examples by index, built as ``target(config, root)``; ``root`` is the folder of the data files.

    The constructor finds the files, and may download them; :meth:`read` decodes them.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abstractmethod
    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return every field of the data spec for ``indices`` (B,) int64, as CPU tensors (B, \\*field.shape).

        Images are uint8 (B, C, H, W); points and vectors are float32; classes and tokens are int64. Worker processes
        call this method when the data is streamed.
        """

    def notes(self) -> Sequence[str]:
        """Return what the user should know of the data, a line each: a training shows them before its first step.

        Examples are the number of examples of each class, and what was left out, with the reason.
        """
        return ()

    def details(self) -> Sequence[str]:
        """Return what a check of the data tells besides the notes, a line each; it may look at every example."""
        return ()

    def faults(self) -> Sequence[str]:
        """Return what is wrong with the data besides what its examples show, a line each, such as damaged files."""
        return ()

    def name_of(self, index: int) -> str:
        """Return the name of an example for a message, such as that of its file."""
        return f"example {index}"

    def identities(self) -> Iterable[bytes]:
        """Return what identifies the examples: bytes for each of them, or for some, in any order.

        A digest of these is in checkpoints and models, so that a run is not resumed with other data unnoticed. They are
        the same on every machine and in every folder, and cheap: nothing reads all examples a second time. By default
        they are the fields of a few examples, and nothing if these change from one reading to the next. A dataset of
        files returns names and sizes, and one that is computed its options.
        """
        indices = _blocks(len(self))
        rows = _rows(self.read(indices))
        again = _rows(self.read(indices[:BLOCK]))
        return rows if rows[:BLOCK] == again else ()  # random transforms: an example is never the same


def _blocks(count: int) -> Tensor:
    """Return the indices of the first, the middle and the last examples of ``count``.

    In blocks, most of them are found again where a few examples were added or removed.
    """
    last = max(0, count - BLOCK)
    indices = torch.cat([torch.arange(start, min(start + BLOCK, count)) for start in (0, last // 2, last)])
    return indices.unique(sorted=True)  # type: ignore[no-any-return]


def _rows(fields: Mapping[str, Tensor]) -> list[bytes]:
    """Return the bytes of each example, with the names of its fields."""
    columns = [(name.encode(), fields[name].contiguous().numpy()) for name in sorted(fields)]
    count = len(columns[0][1])
    return [
        b"/".join(part for name, values in columns for part in (name, values[row].tobytes())) for row in range(count)
    ]
