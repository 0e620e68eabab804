"""Batches by number: from device memory, or read ahead by worker processes."""

from __future__ import annotations

import multiprocessing
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.process import BaseProcess
from typing import final

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from ganzoo.batches.fingerprint import Fingerprint, fingerprint_of
from ganzoo.batches.order import BatchOrder
from ganzoo.batches.reading import (
    Receiver,
    bytes_per_example,
    length_of,
    notes_of,
    number_of_chunks,
    read_checked,
    read_in_chunks,
)
from ganzoo.batches.workers import ending_explained, init_worker, signals_blocked, starting_explained
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.plugin_files import ModulesOfFiles
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.tracking import track
from ganzoo.errors import UserError
from ganzoo.randomness import WHOLE, Share

Feed = dict[str, Tensor]
"""The input of :meth:`Batches.make`: indices into memory, or examples as they are stored."""


class Batches(ABC):
    """The batches of one dataset by number, in the form that networks receive.

    A batch has two steps: :meth:`feed` runs on the host, and :meth:`make` runs on the device alone, so that it can be
    compiled or recorded. ``source`` is the word for the user: "memory" or "stream"; ``notes`` are those of the dataset.
    ``fingerprint`` tells the data from other data.
    """

    order: BatchOrder
    source: str
    fingerprint: Fingerprint
    notes: Sequence[str] = ()

    @abstractmethod
    def feed(self, number: int) -> Feed:
        """Return the feed of batch ``number``, on the device; call it with ascending numbers."""

    @abstractmethod
    def make(self, feed: Feed) -> dict[str, Tensor]:
        """Return the fields (B, …) of the batch of ``feed``, without any work on the host."""

    def get(self, number: int) -> dict[str, Tensor]:
        """Return the fields (B, …) of batch ``number``."""
        return self.make(self.feed(number))

    @abstractmethod
    def first(self, count: int) -> dict[str, Tensor]:
        """Return the fields (N, …) of the first examples of the shuffled data, at most ``count``.

        They are read here and now, so that batches that are read ahead go on.
        """

    def close(self) -> None:  # noqa: B027
        """End the processes that read ahead, if there are any."""


@final
class MemoryBatches(Batches):
    """All examples in device memory, images as uint8; a batch is indexed and normalised there."""

    source = "memory"

    def __init__(self, fields: Mapping[str, Tensor], spec: DataSpec, order: BatchOrder):
        self._fields, self._receiver, self.order = fields, Receiver(spec), order

    def feed(self, number: int) -> Feed:
        """Return the indices of batch ``number``."""
        return {"indices": self.order.indices(number)}

    def make(self, feed: Feed) -> dict[str, Tensor]:
        """Return the examples with these indices."""
        return self._receiver({name: values[feed["indices"]] for name, values in self._fields.items()})

    def first(self, count: int) -> dict[str, Tensor]:
        """Return the first examples of the shuffled data, at most ``count``."""
        return self.make({"indices": self.order.first(count)})


@final
class StreamedBatches(Batches):
    """Examples that worker processes read, a bounded number of batches ahead."""

    source = "stream"

    def __init__(
        self,
        dataset: Dataset,
        spec: DataSpec,
        name: str,
        order: BatchOrder,
        workers: int,
        device: torch.device,
    ):
        self._dataset, self._spec, self._name, self.order = dataset, spec, name, order
        self._workers, self._device, self._receiver = workers, device, Receiver(spec)
        self._next, self._last = -1, dict[str, Tensor]()
        self._iterator: Iterator[dict[str, Tensor] | UserError] = iter(())
        self._processes: list[BaseProcess] = []

    def feed(self, number: int) -> Feed:
        """Return the examples of batch ``number`` as they are stored."""
        if number == self._next - 1:
            return self._last
        if number != self._next:
            self._iterator, self._next = self._start(number), number
        with ending_explained(self._name, self._processes):
            fields = next(self._iterator)
        if isinstance(fields, UserError):
            raise fields
        self._next += 1
        self._last = {name: values.to(self._device, non_blocking=True) for name, values in fields.items()}
        return self._last

    def make(self, feed: Feed) -> dict[str, Tensor]:
        """Return these examples in the form that networks receive."""
        return self._receiver(feed)

    def first(self, count: int) -> dict[str, Tensor]:
        """Return the first examples of the shuffled data, at most ``count``, read in this process."""
        fields = read_checked(self._dataset, self.order.first(count), self._spec, self._name)
        return self._receiver({name: values.to(self._device) for name, values in fields.items()})

    def close(self) -> None:
        """End the worker processes, even if something still refers to the training."""
        self._iterator, self._next = iter(()), -1

    def _start(self, number: int) -> Iterator[dict[str, Tensor] | UserError]:
        loader = DataLoader(
            _CheckedDataset(self._dataset, self._spec, self._name),
            sampler=_BatchIndices(self.order, number),
            batch_size=None,
            num_workers=self._workers,
            prefetch_factor=4 if self._workers else None,
            pin_memory=self._device.type == "cuda",
            # A loader draws a seed for its workers: its own generator leaves the numbers of the networks unchanged.
            generator=torch.Generator(),
            worker_init_fn=init_worker,
        )
        others = multiprocessing.active_children()
        with signals_blocked(), starting_explained(self._name):
            iterator = iter(loader)
        self._processes = [process for process in multiprocessing.active_children() if process not in others]
        return iterator


class _CheckedDataset(TorchDataset["dict[str, Tensor] | UserError"]):
    """Reads whole batches in a loader's worker; a UserError is returned, because a loader raises it as a traceback."""

    def __init__(self, dataset: Dataset, spec: DataSpec, name: str):
        self._dataset, self._spec, self._name = dataset, spec, name

    def __reduce__(self) -> tuple[object, ...]:
        # The modules come first: a class from a plugin file is found in them.
        return _checked_dataset, (ModulesOfFiles(), self._dataset, self._spec, self._name)

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor] | UserError:
        try:
            return read_checked(self._dataset, indices, self._spec, self._name)
        except UserError as problem:
            return problem


def _checked_dataset(modules: None, dataset: Dataset, spec: DataSpec, name: str) -> _CheckedDataset:
    """Return the dataset in a worker process; ``modules`` have been loaded there."""
    return _CheckedDataset(dataset, spec, name)


class _BatchIndices:
    """The indices of every batch from ``start`` on, without end."""

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
    """Return batches from memory if the data takes at most ``budget`` bytes, and streamed batches otherwise.

    Their order depends on ``seed`` and ``name``; messages name the data ``owner``, by default ``name``.

    Raises :class:`UserError` if the data does not match its spec (shape, kind, label out of range) or is smaller than
    a batch.
    """
    owner = owner or name
    length = length_of(dataset, owner)
    read_checked(dataset, torch.arange(1), spec, owner)
    if length * bytes_per_example(spec) > budget:
        order = BatchOrder(length, batch_size, seed, name, share=share)
        batches: Batches = StreamedBatches(dataset, spec, owner, order, workers, device)
    else:
        order = BatchOrder(length, batch_size, seed, name, device, share)
        batches = MemoryBatches(_read_all(dataset, spec, owner, device), spec, order)
    batches.fingerprint, batches.notes = fingerprint_of(dataset, owner), notes_of(dataset, owner)
    return batches


def _read_all(dataset: Dataset, spec: DataSpec, name: str, device: torch.device) -> dict[str, Tensor]:
    """Return all examples on ``device``."""
    length = len(dataset)
    examples: dict[str, Tensor] = {}
    chunks = read_in_chunks(dataset, torch.arange(length), spec, name)
    for rows, fields in track(chunks, f"reading {name}", number_of_chunks(length)):
        for field, values in fields.items():
            if field not in examples:
                examples[field] = torch.empty((length, *values.shape[1:]), dtype=values.dtype, device=device)
            examples[field][rows] = values
    return examples
