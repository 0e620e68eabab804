"""Where examples come from."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Dataset(ABC):
    """Examples by index, built as ``target(config, root)``, ``root`` being the folder of the data files.

    Building it finds the files (and may download them); reading decodes them.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abstractmethod
    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the fields of the data spec for ``indices`` (B,) int64, on the CPU, as :class:`Field` says.

        Called in worker processes when data is streamed; images are uint8 (B, C, H, W).
        """
