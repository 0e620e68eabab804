"""Random numbers that depend on (seed, stream, step) alone, so that the step number restores all of them."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, final

import torch
from torch import Tensor

Distribution = Callable[..., Tensor]
"""Draws numbers: a function of their shape, with the keyword arguments ``generator`` and ``device``."""


def key(seed: int, stream: str, step: int = 0) -> int:
    """Return a 63-bit seed for ``stream`` at ``step``: equal arguments give equal seeds.

    >>> key(0, "noise", 3) == key(0, "noise", 3)
    True
    >>> len({key(0, "noise", 3), key(1, "noise", 3), key(0, "labels", 3), key(0, "noise", 4)})
    4
    """
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


# torch has one global generator, one precision and one choice of algorithms for all threads of a process. Whoever sets
# what a whole training or measurement relies on holds ``process_numerics`` until its end, so that these take turns.
# Whoever only draws from the global generator, as new weights and dropout do, holds ``global_generator`` for that long.
process_numerics = threading.RLock()
global_generator = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """In the block, draw from torch's global CPU generator with ``seed``, undisturbed by other threads."""
    with global_generator, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed those of all devices as well
        yield


@dataclass(frozen=True)
class Share:
    """Part ``index`` of the ``count`` equal parts of a step's batch: one for each process and accumulation pass."""

    index: int = 0
    count: int = 1


WHOLE = Share()
"""The whole batch."""


class Draws(ABC):
    """The random numbers of one stream at one step, for the examples of one share of the batch.

    The first size of every shape is the number of examples of the share. The numbers of all shares together are those
    of the undivided batch, so a training does not depend on how its batches are divided.

    >>> streams = KeyedStreams(seed=0)
    >>> whole = streams.at("noise").normal(4, 2)
    >>> streams.begin(0)
    >>> halves = [streams.at("noise", Share(index, count=2)).normal(2, 2) for index in range(2)]
    >>> torch.equal(torch.cat(halves), whole)
    True
    """

    @abstractmethod
    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Return the next numbers of ``shape`` (B, …) from ``distribution``."""

    def normal(self, *shape: int | Sequence[int]) -> Tensor:
        """Return independent numbers of ``shape`` from N(0, 1), float32: ``normal(B, Z)`` or ``normal(x.shape)``."""
        return self.draw(torch.randn, _sizes(shape))

    def uniform(self, *shape: int | Sequence[int]) -> Tensor:
        """Return independent numbers of ``shape`` from [0, 1), float32."""
        return self.draw(torch.rand, _sizes(shape))

    def integers(self, bound: int, *shape: int | Sequence[int]) -> Tensor:
        """Return independent integers of ``shape`` from 0 to ``bound`` - 1, int64."""
        return self.draw(partial(torch.randint, bound), _sizes(shape))


def _sizes(shape: tuple[int | Sequence[int], ...]) -> tuple[int, ...]:
    """Return the sizes that were given one by one, or as one sequence."""
    sizes: list[int] = []
    for size in shape:
        sizes.extend([size] if isinstance(size, int) else size)
    return tuple(sizes)


@final
class FreshDraws(Draws):
    """Draws numbers from a generator; the meta device needs none."""

    def __init__(self, generator: torch.Generator | None, device: torch.device | str = "cpu", share: Share = WHOLE):
        self._generator, self._device, self._share = generator, torch.device(device), share

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Draw numbers for the whole batch, and return the rows of the share."""
        rows, index = shape[0], self._share.index
        whole = (rows * self._share.count, *shape[1:])
        drawn = distribution(whole, generator=self._generator, device=self._device)
        return drawn if self._share == WHOLE else drawn[index * rows : (index + 1) * rows]


@final
class ExampleDraws(Draws):
    """The random numbers of single examples: those of example k follow from (seed, stream, k) alone.

    So an example is the same whatever other examples are drawn with it.

    >>> four = ExampleDraws(0, "sample", range(4)).normal(4, 2)
    >>> torch.equal(ExampleDraws(0, "sample", range(2, 4)).normal(2, 2), four[2:])
    True
    """

    def __init__(self, seed: int, stream: str, numbers: range, device: torch.device | str = "cpu"):
        self._count, self._device = len(numbers), torch.device(device)
        drawn = numbers if self._device.type != "meta" else ()  # the meta device needs no generators
        self._generators = [torch.Generator(self._device).manual_seed(key(seed, stream, number)) for number in drawn]

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Draw one row for each example; raises ``ValueError`` if ``shape`` has another number of rows."""
        if shape[0] != self._count:
            raise ValueError(
                f"it draws numbers of shape {tuple(shape)} for {self._count} examples: draw a row for each"
            )
        if not self._generators:
            return distribution(shape, device=self._device)
        row = (1, *shape[1:])
        return torch.cat([distribution(row, generator=each, device=self._device) for each in self._generators])


class Streams(ABC):
    """Named streams of random numbers on one device, all of which are seeded again when a step begins."""

    device: torch.device

    @abstractmethod
    def begin(self, step: int) -> None:
        """Seed every stream for ``step``."""

    def draw(self) -> None:  # noqa: B027
        """Draw the numbers of a step before it begins, where the step cannot; it is part of a recorded step."""

    @abstractmethod
    def at(self, stream: str, share: Share = WHOLE) -> Draws:
        """Return the numbers of ``stream`` at this step; a second call in the same step continues the stream."""

    @abstractmethod
    def ready_generators(self) -> Sequence[torch.Generator]:
        """Return the generators that a replayed step draws from, seeded for this step: a replay never calls :meth:`at`.

        Those of streams that no step has used yet are missing.
        """


@final
class KeyedStreams(Streams):
    """Streams with one generator for each stream and share, seeded by (seed, stream, step)."""

    def __init__(self, seed: int, device: torch.device | str = "cpu"):
        self.seed, self.device = seed, torch.device(device)
        self._step = 0
        self.generators: dict[tuple[str, int], torch.Generator] = {}
        self._seeded: set[tuple[str, int]] = set()

    def begin(self, step: int) -> None:
        """Seed every stream for ``step``, each when it is first used."""
        self._step = step
        self._seeded.clear()

    def ready_generators(self) -> Sequence[torch.Generator]:
        """Return the generators of all streams that were ever used, seeded for this step."""
        return [self.generator(stream_and_share) for stream_and_share in self.generators]

    def at(self, stream: str, share: Share = WHOLE) -> Draws:
        """Return the numbers of ``stream`` at this step; the meta device draws none."""
        return FreshDraws(None, self.device, share) if self.device.type == "meta" else _KeyedDraws(self, stream, share)

    def generator(self, stream_and_share: tuple[str, int]) -> torch.Generator:
        """Return the generator of a stream and the index of a share, seeded for this step."""
        generator = self.generators.get(stream_and_share)
        if generator is None:
            generator = self.generators[stream_and_share] = torch.Generator(self.device)
        if stream_and_share not in self._seeded:
            # Every share has the same seed: it draws numbers for the whole batch, and keeps its own rows.
            generator.manual_seed(key(self.seed, stream_and_share[0], self._step))
            self._seeded.add(stream_and_share)
        return generator


@final
class _KeyedDraws(Draws):
    """Draws numbers of a stream, whose generator is seeded with the first: many a part is given draws and uses none."""

    def __init__(self, streams: KeyedStreams, stream: str, share: Share):
        self._streams, self._stream, self._share = streams, stream, share

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Draw numbers for the whole batch, and return the rows of the share."""
        generator = self._streams.generator((self._stream, self._share.index))
        return FreshDraws(generator, self._streams.device, self._share).draw(distribution, shape)


class DrawCall(NamedTuple):
    """The arguments of one call of :meth:`Draws.draw`."""

    distribution: Distribution
    shape: tuple[int, ...]


@final
class PredrawnStreams(Streams):
    """Streams whose numbers are drawn before the step: the first step records the calls, the others repeat them.

    A compiled step can neither seed a generator nor draw from one; it takes the numbers as its input.
    """

    def __init__(self, streams: KeyedStreams):
        self.device = streams.device
        self._streams = streams
        self._calls: dict[tuple[str, Share], list[DrawCall]] = {}
        self._ready: dict[tuple[str, Share], _PredrawnDraws] = {}

    def begin(self, step: int) -> None:
        """Seed every stream for ``step``."""
        self._streams.begin(step)

    def draw(self) -> None:
        """Draw all numbers that the first step used."""
        for stream_and_share, calls in self._calls.items():
            draws = self._streams.at(*stream_and_share)
            self._ready[stream_and_share] = _PredrawnDraws([draws.draw(*call) for call in calls])

    def at(self, stream: str, share: Share = WHOLE) -> Draws:
        """Return the numbers that were drawn for ``stream``; if it is new, draw them now and record the calls."""
        if (stream, share) in self._ready:
            return self._ready[stream, share]
        calls = self._calls.setdefault((stream, share), [])
        return _RecordingDraws(self._streams.at(stream, share), calls)

    def ready_generators(self) -> Sequence[torch.Generator]:
        """Return the generators of all streams that were ever used, seeded for this step."""
        return self._streams.ready_generators()


@final
class _RecordingDraws(Draws):
    """Draws numbers, and records the calls."""

    def __init__(self, draws: Draws, calls: list[DrawCall]):
        self._draws, self._calls = draws, calls

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Draw numbers, and record the call."""
        self._calls.append(DrawCall(distribution, tuple(shape)))
        return self._draws.draw(distribution, shape)


@final
class _PredrawnDraws(Draws):
    """Returns numbers that were drawn before, in the same order."""

    def __init__(self, drawn: list[Tensor]):
        self._drawn, self._next = drawn, 0

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Return the next of the numbers that were drawn before."""
        self._next += 1
        return self._drawn[self._next - 1]
