"""Batches by number, from the device's memory or streamed, in an order that depends on the seed alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import final

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.engine.workers import begin_work, unheard
from ganzoo.errors import UserError, in_words
from ganzoo.interfaces import Dataset
from ganzoo.randomness import WHOLE, Share, key

CHUNK = 4096  # examples
Feed = dict[str, Tensor]
"""What makes a batch: indices into memory, or examples as they are stored."""


@final
class Order:
    """Which examples a share of batch number k holds: shuffled anew each epoch, the incomplete last batch left out."""

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        stream: str,
        device: torch.device | str = "cpu",
        share: Share = WHOLE,
    ):
        if batch_size > length:
            raise UserError(
                f"a batch of {batch_size} is larger than the data, which has {length} examples: "
                f"give --batch-size {length} or less"
            )
        self.length, self.batch_size = length, batch_size
        self.per_epoch = length // batch_size
        rows = batch_size // share.count
        self._first, self._rows = share.index * rows, rows
        self._seed, self._stream, self._device = seed, stream, torch.device(device)
        self._epoch, self._permutation = -1, torch.empty(0, dtype=torch.int64)

    def indices(self, number: int) -> Tensor:
        """Return the indices (B,) of the share of batch ``number``, counted from 0 over all epochs."""
        epoch, place = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(key(self._seed, f"order/{self._stream}", epoch))
            self._permutation = torch.randperm(self.length, generator=generator).to(self._device)
            self._epoch = epoch
        start = place * self.batch_size + self._first
        return self._permutation[start : start + self._rows]


class Batches(ABC):
    """The batches of one dataset, as networks receive them, by number."""

    order: Order
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

    def __init__(self, fields: Mapping[str, Tensor], spec: DataSpec, order: Order):
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

    def __init__(self, dataset: Dataset, spec: DataSpec, name: str, order: Order, workers: int, device: torch.device):
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

    def __init__(self, order: Order, start: int):
        self._order, self._start = order, start

    def __iter__(self) -> Iterator[Tensor]:
        number = self._start
        while True:
            yield self._order.indices(number)
            number += 1


def normalise(field: Field, values: Tensor) -> Tensor:
    """Return ``values`` as networks receive them: images (B, C, H, W) uint8 become float32 in [-1, 1]."""
    if field.kind != "image":
        return values
    return values.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)


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
        order = Order(length, batch_size, seed, name, share=share)
        return StreamedBatches(dataset, spec, owner, order, workers, device)
    order = Order(length, batch_size, seed, name, device, share)
    return MemoryBatches(_read_all(dataset, spec, owner, device), spec, order)


def length_of(dataset: Dataset, owner: str) -> int:
    """Return how many examples ``dataset`` has; raises :class:`UserError` where it has none, or cannot tell."""
    try:
        length = len(dataset)
    except Exception as problem:
        raise UserError(f"{owner} cannot tell how many examples it has: {in_words(problem)}") from problem
    if not length:
        raise UserError(f"{owner} has no examples: choose other options for it, or other data")
    return length


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


def read_in_chunks(
    dataset: Dataset, indices: Tensor, spec: DataSpec, owner: str
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield what ``dataset`` reads, some at a time, and which of ``indices`` these are; raises as :func:`read_checked`.

    At once, a dataset that decodes or draws might need many times the memory of its examples.
    """
    for start in range(0, len(indices), CHUNK):
        place = slice(start, start + CHUNK)
        yield place, read_checked(dataset, indices[place], spec, owner)


def bytes_per_example(spec: DataSpec) -> int:
    """Return the bytes that one example takes as it is stored."""
    widths = {"image": 1, "point": 4, "vector": 4, "class": 8, "tokens": 8}
    return sum(field.size * widths[field.kind] for field in spec.fields.values())


def read_checked(dataset: Dataset, indices: Tensor, spec: DataSpec, owner: str) -> dict[str, Tensor]:
    """Return what ``dataset`` reads; raises :class:`UserError`, naming ``owner``, where it breaks its promise."""
    try:
        fields = dataset.read(indices)
        check_fields(fields, spec, len(indices), owner)
    except UserError:
        raise
    except Exception as problem:
        raise UserError(f"{owner} cannot be read: {in_words(problem)}") from problem
    return fields


def check_fields(fields: Mapping[str, Tensor], spec: DataSpec, count: int, owner: str) -> None:
    """Raise :class:`UserError` where what a dataset delivered is not what its spec promised."""
    if set(fields) != set(spec.fields):
        raise UserError(f"{owner} promised the fields {sorted(spec.fields)} and delivers {sorted(fields)}")
    dtypes = {"image": torch.uint8, "point": torch.float32, "vector": torch.float32}
    for name, field in spec.fields.items():
        values = fields[name]
        dtype = dtypes.get(field.kind, torch.int64)
        promised = (count, *field.shape)
        if tuple(values.shape) != promised or values.dtype != dtype:
            found = f"{values.dtype} of shape {tuple(values.shape)}"
            raise UserError(f"{owner} promised {name} as {dtype} of shape {promised} and delivers {found}")
        if values.is_floating_point() and not bool(values.isfinite().all()):
            raise UserError(f"{owner} delivers numbers in {name} that are not finite")
        if field.kind == "tokens" and field.names and values.numel():
            low, high = int(values.min()), int(values.max())
            if low < 0 or high >= len(field.names):
                raise UserError(f"{owner} has words from {low} to {high}; its vocabulary has {len(field.names)}")
        if field.kind == "class" and values.numel():
            low, high = int(values.min()), int(values.max())
            if low < 0 or high >= field.classes:
                raise UserError(
                    f"{owner} has labels from {low} to {high}; {field.classes} classes allow 0 to {field.classes - 1}"
                )
