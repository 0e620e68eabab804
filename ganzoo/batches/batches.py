"""Batches by number, from the device's memory or streamed, in an order that depends on the seed alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import final

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from ganzoo.batches.order import BatchOrder
from ganzoo.batches.reading import bytes_per_example, length_of, normalise, read_checked, read_in_chunks
from ganzoo.batches.workers import begin_work, unheard
from ganzoo.catalogue.data import DataSpec
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import UserError
from ganzoo.randomness import WHOLE, Share

Feed = dict[str, Tensor]
"""What makes a batch: indices into memory, or examples as they are stored."""


class Batches(ABC):
    """The batches of one dataset, as networks receive them, by number."""

    order: BatchOrder
    source: str

    @abstractmethod
    def feed(self, number: int) -> Feed:
        """Return what makes batch ``number``, on the device; numbers are asked for in ascending order."""

    @abstractmethod
    def make(self, feed: Feed) -> dict[str, Tensor]:
        """Return the batch (B, …) that ``feed`` makes, asking nothing of the host."""

    def get(self, number: int) -> dict[str, Tensor]:
        """Return batch ``number`` (B, …)."""
        return self.make(self.feed(number))

    def close(self) -> None:  # noqa: B027
        """Let go of what reads ahead."""


@final
class MemoryBatches(Batches):
    """All examples on the device, images as uint8, indexed and normalised there."""

    source = "memory"

    def __init__(self, fields: Mapping[str, Tensor], spec: DataSpec, order: BatchOrder):
        self._fields, self._spec, self.order = fields, spec, order

    def feed(self, number: int) -> Feed:
        """Return the indices of batch ``number``."""
        return {"indices": self.order.indices(number)}

    def make(self, feed: Feed) -> dict[str, Tensor]:
        """Return the examples with these indices."""
        taken = {name: values[feed["indices"]] for name, values in self._fields.items()}
        return {name: normalise(self._spec.fields[name], values) for name, values in taken.items()}


@final
class StreamedBatches(Batches):
    """Examples read by worker processes, a bounded number of batches ahead."""

    source = "stream"

    def __init__(
        self, dataset: Dataset, spec: DataSpec, name: str, order: BatchOrder, workers: int, device: torch.device
    ):
        self._dataset, self._spec, self._name, self.order = dataset, spec, name, order
        self._workers, self._device = workers, device
        self._next, self._last = -1, dict[str, Tensor]()
        self._iterator: Iterator[dict[str, Tensor] | UserError] = iter(())

    def feed(self, number: int) -> Feed:
        """Return the examples of batch ``number`` as they are stored."""
        if number == self._next - 1:
            return self._last
        if number != self._next:
            self._iterator, self._next = self._start(number), number
        fields = next(self._iterator)
        if isinstance(fields, UserError):
            raise fields
        self._next += 1
        self._last = {name: values.to(self._device, non_blocking=True) for name, values in fields.items()}
        return self._last

    def make(self, feed: Feed) -> dict[str, Tensor]:
        """Return the batch of these examples."""
        return {name: normalise(self._spec.fields[name], values) for name, values in feed.items()}

    def close(self) -> None:
        """End the processes that read; whoever still knows of the training would keep them alive."""
        self._iterator, self._next = iter(()), -1

    def _start(self, number: int) -> Iterator[dict[str, Tensor] | UserError]:
        loader = DataLoader(
            _Reader(self._dataset, self._spec, self._name),
            sampler=_Numbers(self.order, number),
            batch_size=None,
            num_workers=self._workers,
            prefetch_factor=4 if self._workers else None,
            pin_memory=self._device.type == "cuda",
            # Its own generator: a loader seeds its workers, and that must not take a number from the networks'.
            generator=torch.Generator(),
            worker_init_fn=begin_work,
        )
        with unheard():
            return iter(loader)


class _Reader(TorchDataset["dict[str, Tensor] | UserError"]):
    """Gives a loader's worker whole batches; a user's error travels as a value, or it would arrive as a traceback."""

    def __init__(self, dataset: Dataset, spec: DataSpec, name: str):
        self._dataset, self._spec, self._name = dataset, spec, name

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor] | UserError:
        try:
            return read_checked(self._dataset, indices, self._spec, self._name)
        except UserError as problem:
            return problem


class _Numbers:
    """The indices of batch after batch, for ever."""

    def __init__(self, order: BatchOrder, start: int):
        self._order, self._start = order, start

    def __iter__(self) -> Iterator[Tensor]:
        number = self._start
        while True:
            yield self._order.indices(number)
            number += 1


def open_batches(
    dataset: Dataset,
    spec: DataSpec,
    batch_size: int,
    seed: int,
    name: str,
    device: torch.device,
    budget: int,
    workers: int,
    share: Share = WHOLE,
    owner: str = "",
) -> Batches:
    """Return batches from memory where the data takes at most ``budget`` bytes, else streamed ones.

    Their order depends on ``seed`` and ``name``; ``owner`` says in messages whose data it is, where the name does not.

    Raises :class:`UserError` where the data does not agree with its spec (shape, kind, label out of range) or is
    smaller than a batch.
    """
    owner = owner or name
    length = length_of(dataset, owner)
    read_checked(dataset, torch.arange(1), spec, owner)
    if length * bytes_per_example(spec) > budget:
        order = BatchOrder(length, batch_size, seed, name, share=share)
        return StreamedBatches(dataset, spec, owner, order, workers, device)
    order = BatchOrder(length, batch_size, seed, name, device, share)
    return MemoryBatches(_read_all(dataset, spec, owner, device), spec, order)


def _read_all(dataset: Dataset, spec: DataSpec, name: str, device: torch.device) -> dict[str, Tensor]:
    """All examples on ``device``."""
    length = len(dataset)
    held: dict[str, Tensor] = {}
    for place, fields in read_in_chunks(dataset, torch.arange(length), spec, name):
        for field, values in fields.items():
            if field not in held:
                held[field] = torch.empty((length, *values.shape[1:]), dtype=values.dtype, device=device)
            held[field][place] = values
    return held
