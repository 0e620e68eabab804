"""Processes of this machine that exchange messages, each on a core of its own where the system allows that."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from queue import Empty
from typing import Any

import torch
import torch.distributed as dist

PATIENCE = 600.0  # seconds until the next finding
Work = Callable[..., Iterator[Any]]
"""Yields what it finds; called in every process with the same arguments, and the first one's findings count."""


def together(work: Work, *arguments: Any, processes: int) -> Iterator[Any]:
    """Yield what ``work`` finds in ``processes`` that make the same calls."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    started = [
        context.Process(target=_as_rank, args=(rank, processes, where, found, work, arguments))
        for rank in range(processes)
    ]
    for process in started:
        process.start()
    try:
        while (answer := found.get(timeout=PATIENCE)) is not None:
            yield answer
    except Empty:
        raise RuntimeError(f"{processes} processes have found nothing for {PATIENCE:.0f} s") from None
    finally:
        for process in started:
            process.join(5)
            process.kill()


def _as_rank(rank: int, size: int, where: str, found: Any, work: Work, arguments: tuple[Any, ...]) -> None:
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=where, rank=rank, world_size=size)
    for answer in work(*arguments):
        if rank == 0:
            found.put(answer)
    dist.barrier()
    dist.destroy_process_group()
    if rank == 0:
        found.put(None)
