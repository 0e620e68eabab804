"""Datasets: real examples by index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor


class Dataset(ABC):
    """Real examples by index, built as ``target(config, root)``; ``root`` is the folder of the data files.

    The constructor finds the files, and may download them; :meth:`read` decodes them.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    def notes(self) -> Sequence[str]:
        """Return what the user should know of the data, a line each: a training shows them before its first step.

        Examples are how values were scaled, and what was left out, with the reason.
        """
        return ()

    @abstractmethod
    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return every field of the data spec for ``indices`` (B,) int64, as CPU tensors (B, \\*field.shape).

        Images are uint8 (B, C, H, W); points and vectors are float32; classes and tokens are int64. Worker processes
        call this method when the data is streamed.
        """
