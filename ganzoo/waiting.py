"""How torch's threads wait for one another: chosen by a command before it imports torch, by what other processes use.

A thread that has done its part of an operation waits for the others. OpenMP lets it spin meanwhile, which costs nothing
while every thread has a core of its own. Where the cores are shared, waiting threads keep the one that they wait for
from computing, and a training becomes many times slower; there they had better sleep. Numbers do not depend on it, as
they would on the number of threads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import NamedTuple, final

STAT = Path("/proc/stat")
SHARED = 0.2  # of the time of the cores, used by other processes, from which the threads sleep
SLEEP = {"OMP_WAIT_POLICY": "PASSIVE"}
# As fast as the 300,000 rounds of libgomp where nobody else computes, and not as slow if somebody begins to.
SPIN = {"GOMP_SPINCOUNT": "10000"}
OWN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_DYNAMIC")
"""Variables with which users choose how threads wait, or how many there are."""


class Used(NamedTuple):
    """Processor time so far, summed over the cores of this process: its own, all that was used, and all there was.

    Only differences count, and they have one unit. All are 0 where the system does not report them.
    """

    own: float = 0.0
    busy: float = 0.0
    total: float = 0.0


def used() -> Used:
    """Return the processor time used so far, in seconds, on the cores where this process may run; Linux only."""
    try:
        text, cores = STAT.read_text(encoding="ascii"), os.sched_getaffinity(0)
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return Used()
    return _read(text, cores, ticks, time.process_time())


def _read(text: str, cores: set[int], ticks: int, own: float) -> Used:
    rows = [line.split() for line in text.splitlines()]
    counts = [[int(word) for word in row[1:9]] for row in rows if row and row[0] in {f"cpu{core}" for core in cores}]
    total = sum(map(sum, counts)) / ticks
    return Used(own, total - sum(row[3] + row[4] for row in counts) / ticks, total)  # idle, and waiting for a disk


def share_of_others(before: Used, after: Used) -> float:
    """Return which share of the time of the cores other processes used between two looks.

    >>> share_of_others(Used(1, 10, 40), Used(2, 12, 44))
    0.25
    """
    total = after.total - before.total
    return max(0.0, (after.busy - before.busy) - (after.own - before.own)) / total if total > 0 else 0.0


@final
class Waiting:
    """Watches the load for a while, and then chooses how threads wait; ``told`` says what threads do."""

    def __init__(self) -> None:
        self._began, self.told = Used(), "wait as OpenMP does by itself"

    def watch(self) -> None:
        """Begin to watch what other processes use."""
        self._began = used()

    def choose(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Choose how threads wait, and set the variables in which torch's OpenMP finds it; the user's own ones win."""
        if given := _given(environment):
            self.told = f"wait as you say with {given}"
            return
        share = share_of_others(self._began, used())
        chosen, how = (SLEEP, "sleep") if share >= SHARED else (SPIN, "spin")
        environment.update(chosen)
        (setting,) = (f"{name}={value}" for name, value in chosen.items())
        self.told = f"{how} while they wait ({setting}), as other processes use {share:.0%} of the cores"


def _given(environment: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={environment[name]}" for name in OWN if name in environment)


waiting = Waiting()
"""What the running command has chosen."""
