"""Random numbers that depend on (seed, stream, step) alone, so that a few integers restore all of them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, final

import torch
from torch import Tensor

Law = Callable[..., Tensor]
"""What draws numbers: a function of their shape, a generator and a device."""


def key(seed: int, stream: str, step: int = 0) -> int:
    """Return a 63-bit seed for one stream at one step; different streams and steps share no numbers."""
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@dataclass(frozen=True)
class Share:
    """One of ``count`` equal parts of a step's batch: that of a process, or of one pass of several."""

    index: int = 0
    count: int = 1


WHOLE = Share()


class Draws(ABC):
    """The numbers of one stream at one step, for the examples of one share of the batch: the first size is theirs.

    The numbers of all shares together are those of the undivided batch, so a training does not depend on how its
    batches are divided.
    """

    @abstractmethod
    def take(self, law: Law, shape: tuple[int, ...]) -> Tensor:
        """Return the next numbers (B, …) that follow ``law``."""

    def normal(self, *shape: int) -> Tensor:
        """Return independent N(0, 1) numbers, float32."""
        return self.take(torch.randn, shape)

    def uniform(self, *shape: int) -> Tensor:
        """Return independent numbers from [0, 1), float32."""
        return self.take(torch.rand, shape)

    def integers(self, bound: int, *shape: int) -> Tensor:
        """Return independent numbers from 0 to ``bound`` - 1, int64."""
        return self.take(partial(torch.randint, bound), shape)


@final
class FreshDraws(Draws):
    """Draws from a generator, or without one on the meta device."""

    def __init__(self, generator: torch.Generator | None, device: torch.device | str = "cpu", share: Share = WHOLE):
        self._generator, self._device, self._share = generator, torch.device(device), share

    def take(self, law: Law, shape: tuple[int, ...]) -> Tensor:
        """Return the share's rows of what is drawn for the whole batch."""
        rows, index = shape[0], self._share.index
        whole = (rows * self._share.count, *shape[1:])
        drawn = law(whole, generator=self._generator, device=self._device)
        return drawn if self._share == WHOLE else drawn[index * rows : (index + 1) * rows]


class Streams(ABC):
    """Named streams of numbers on one device, all of them set anew as a step begins."""

    device: torch.device

    @abstractmethod
    def begin(self, step: int) -> None:
        """Set every stream to where it is at ``step``."""

    @abstractmethod
    def at(self, stream: str, share: Share = WHOLE) -> Draws:
        """Return what ``stream`` gives at this step; asked for again in the same step, it goes on."""


@final
class KeyedStreams(Streams):
    """One generator a stream and share, seeded by (seed, stream, step)."""

    def __init__(self, seed: int, device: torch.device | str = "cpu"):
        self.seed, self.device = seed, torch.device(device)
        self._step = 0
        self.generators: dict[tuple[str, int], torch.Generator] = {}
        self._set: set[tuple[str, int]] = set()

    def begin(self, step: int) -> None:
        """Set every stream to where it is at ``step``, each when it is asked for."""
        self._step = step
        self._set.clear()

    def set_known(self) -> None:
        """Set every stream that was ever asked for, now: a replayed step does not ask."""
        for known in self.generators:
            self._generator(known)

    def at(self, stream: str, share: Share = WHOLE) -> Draws:
        """Return what ``stream`` gives at this step; the meta device draws nothing."""
        drawing = self.device.type != "meta"
        return FreshDraws(self._generator((stream, share.index)) if drawing else None, self.device, share)

    def _generator(self, known: tuple[str, int]) -> torch.Generator:
        generator = self.generators.get(known)
        if generator is None:
            generator = self.generators[known] = torch.Generator(self.device)
        if known not in self._set:
            # A share's generator has the seed of the whole: each share draws for all, and keeps its own rows.
            generator.manual_seed(key(self.seed, known[0], self._step))
            self._set.add(known)
        return generator


class Call(NamedTuple):
    """One drawing of numbers."""

    law: Law
    shape: tuple[int, ...]


@final
class RehearsedStreams(Streams):
    """The streams of a step that is always the same: rehearsed once, then drawn before the step asks for them.

    A compiled step can neither seed a generator nor draw from one; it takes the numbers as its input.
    """

    def __init__(self, streams: KeyedStreams):
        self.device = streams.device
        self._streams = streams
        self._calls: dict[tuple[str, Share], list[Call]] = {}
        self._ready: dict[tuple[str, Share], _Ready] = {}

    def begin(self, step: int) -> None:
        """Draw everything that the rehearsal asked for."""
        self._streams.begin(step)
        for asked, calls in self._calls.items():
            draws = self._streams.at(*asked)
            self._ready[asked] = _Ready([draws.take(*call) for call in calls])

    def at(self, stream: str, share: Share = WHOLE) -> Draws:
        """Return what was drawn for ``stream``, or, in the rehearsal, what is drawn now."""
        if (stream, share) in self._ready:
            return self._ready[stream, share]
        calls = self._calls.setdefault((stream, share), [])
        return _Noting(self._streams.at(stream, share), calls)


@final
class _Noting(Draws):
    """Notes what is asked for."""

    def __init__(self, draws: Draws, calls: list[Call]):
        self._draws, self._calls = draws, calls

    def take(self, law: Law, shape: tuple[int, ...]) -> Tensor:
        """Draw and note it."""
        self._calls.append(Call(law, tuple(shape)))
        return self._draws.take(law, shape)


@final
class _Ready(Draws):
    """Gives out what was drawn before, in the same order."""

    def __init__(self, drawn: list[Tensor]):
        self._drawn, self._next = drawn, 0

    def take(self, law: Law, shape: tuple[int, ...]) -> Tensor:
        """Return the next numbers that were drawn."""
        self._next += 1
        return self._drawn[self._next - 1]
