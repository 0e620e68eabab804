"""How long messages take that are summed over all processes: closed forms, and their fit to measured times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Link(NamedTuple):
    """What connects two processes: seconds until a message begins to arrive, and bytes a second from then on."""

    latency: float
    bandwidth: float


class Measured(NamedTuple):
    """The bytes of one message, and the seconds that it took."""

    bytes: int
    seconds: float


def ring(messages: Sequence[int], processes: int, link: Link) -> float:
    """Return the seconds of a ring all-reduce of each message (Patarasuk & Yuan, 2009).

    Each of 2(n - 1) rounds sends 1/n of the message: 2(n - 1) · latency + 2(n - 1)/n · bytes / bandwidth.
    """
    rounds = 2 * (processes - 1)
    return rounds * (len(messages) * link.latency + sum(messages) / processes / link.bandwidth)


def tree(messages: Sequence[int], processes: int, link: Link) -> float:
    """Return the seconds of an all-reduce of each message along two trees (Sanders, Speck & Träff, 2009).

    Up and down a tree of ⌈log2 n⌉ levels, in many pieces: 2⌈log2 n⌉ · latency + 2 · bytes / bandwidth.
    """
    if processes == 1:
        return 0.0
    return 2 * (math.ceil(math.log2(processes)) * len(messages) * link.latency + sum(messages) / link.bandwidth)


def fastest(messages: Sequence[int], processes: int, link: Link) -> float:
    """Return the seconds along a ring or along trees, whichever is faster for each message, as NCCL chooses."""
    return sum(min(ring([size], processes, link), tree([size], processes, link)) for size in messages)


def fitted(measured: Sequence[Measured], processes: int) -> Link:
    """Return the link whose :func:`ring` differs least from what was measured: least squares of relative errors."""
    rounds = 2 * (processes - 1)
    # seconds ≈ a · latency + b · (1 / bandwidth), and each row is divided by its seconds.
    rows = [(rounds / each.seconds, rounds / processes * each.bytes / each.seconds) for each in measured]
    aa, ab, bb = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    a, b = sum(row[0] for row in rows), sum(row[1] for row in rows)
    determinant = aa * bb - ab * ab
    return Link((a * bb - b * ab) / determinant, determinant / (aa * b - ab * a))


def step(computing: float, exchanging: float, hidden: float) -> float:
    """Return the seconds of a step that hides its exchange behind the share ``hidden`` of what it computes.

    What does not fit behind it remains: computing + max(0, exchanging - hidden · computing). With 0 nothing overlaps.
    """
    return computing + max(0.0, exchanging - hidden * computing)
