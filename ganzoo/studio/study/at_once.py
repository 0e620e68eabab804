"""How many trainings of a study fit into this machine at a time."""

from __future__ import annotations

import os

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import installed
from ganzoo.contract.read_only import NotAtHand
from ganzoo.health.free_memory import free_memory
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.studio.estimate import estimate
from ganzoo.studio.study.journal import Journal
from ganzoo.studio.study.trainings import Trainings
from ganzoo.text import in_bytes, warn

SECONDS = 1.0  # for measuring
SHARE = 0.8  # of the free memory; the rest is for judging, and for trainings that are larger than the first one
OF_CONTEXT = 600_000_000  # bytes that each process takes on a GPU besides its tensors


def most_at_once(journal: Journal, trainings: Trainings) -> tuple[int, str]:
    """Return how many trainings cores and memory allow, at least one, and why; measures a few steps of the first."""
    if not trainings.left:
        return 1, "nothing is left to train"
    selection = journal.plan.selection(installed(), trainings.example, 0)
    device = choose_device(selection.run.device)
    precision = choose_precision(selection.run.precision, device)
    try:
        each = estimate(selection, assemble(selection), precision, 0, warn, SECONDS).memory
    except NotAtHand as problem:
        return 1, f"how much memory one takes is measured when the data is there ({problem})"
    each += OF_CONTEXT if device.type == "cuda" and each else 0
    return fitting(cores(), trainings.left, each, free_memory(device))


def fitting(cores: int, trainings: int, each: int, free: int) -> tuple[int, str]:
    """Return how many ``trainings`` of ``each`` bytes fit into so many ``cores`` and ``free`` bytes, and why.

    ``each`` is 0 where it is not known.

    >>> fitting(8, 30, 2_000_000_000, 10_000_000_000)
    (4, '8 cores, 30 trainings, and 10 GB of free memory, of which one takes 2.0 GB')
    """
    why = f"{cores} cores, {trainings} trainings"
    if not each:
        return max(1, min(cores, trainings)), why
    count = max(1, min(cores, trainings, int(SHARE * free) // each))
    return count, f"{why}, and {in_bytes(free)} of free memory, of which one takes {in_bytes(each)}"


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
