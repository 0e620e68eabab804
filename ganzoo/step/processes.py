"""The processes that train together: each computes a share of every batch, and all make the same step."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple, final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from ganzoo.randomness import Share

PATIENCE = timedelta(hours=6)  # of a process that waits for another


class ProcessGroup(ABC):
    """Who trains; the leader alone writes files and shows progress."""

    share: Share

    @property
    def leads(self) -> bool:
        """Whether this process is the leader."""
        return self.share.index == 0

    @abstractmethod
    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace the gradients of ``parameters`` by their means over all processes."""

    @abstractmethod
    def average(self, numbers: Tensor) -> Tensor:
        """Return the mean of ``numbers`` over all processes."""

    @abstractmethod
    def broadcast_text(self, text: str) -> str:
        """Return the leader's ``text``."""

    @abstractmethod
    def share_weights(self, network: nn.Module) -> None:
        """Give everybody the leader's parameters and buffers."""

    @abstractmethod
    def any(self, flag: int) -> int:
        """Return the largest ``flag`` (0 or more) of all processes as of the last call; all must call alike."""


@final
class SingleProcess(ProcessGroup):
    """One process."""

    share = Share()

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Leave them."""

    def average(self, numbers: Tensor) -> Tensor:
        """Return ``numbers``."""
        return numbers

    def broadcast_text(self, text: str) -> str:
        """Return ``text``."""
        return text

    def share_weights(self, network: nn.Module) -> None:
        """Leave them."""

    def any(self, flag: int) -> int:
        """Return ``flag``."""
        return flag


@final
class DistributedProcesses(ProcessGroup):
    """Several processes that torchrun started."""

    def __init__(self, rank: int, size: int, device: torch.device):
        self.share = Share(rank, size)
        self._device = device
        # Words about stopping travel apart from the gradients, so that they never wait for the accelerator.
        self._words: Any = dist.new_group(backend="gloo", timeout=PATIENCE) if device.type == "cuda" else None
        self._flag = torch.zeros(1, dtype=torch.int64)
        self._asked: Any = None

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Send all gradients as one flat vector."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.share.count
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def average(self, numbers: Tensor) -> Tensor:
        """Return the mean of ``numbers`` over all processes."""
        total = numbers.clone()
        dist.all_reduce(total)
        return total / self.share.count

    def broadcast_text(self, text: str) -> str:
        """Return the leader's ``text``."""
        letters = torch.tensor(list(text.encode()), dtype=torch.uint8)
        length = torch.tensor([len(letters)])
        dist.broadcast(length, 0, group=self._words)
        received = letters if self.leads else torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(received, 0, group=self._words)
        return bytes(received.tolist()).decode()

    def share_weights(self, network: nn.Module) -> None:
        """Give everybody the leader's parameters and buffers."""
        for values in network.state_dict().values():
            sent = values.contiguous()
            dist.broadcast(sent, 0)
            values.copy_(sent)

    def any(self, flag: int) -> int:
        """Return the largest flag as of the last call: it has had a step to travel, and all hear of it at once."""
        heard = 0
        if self._asked is not None:
            self._asked.wait()
            heard = int(self._flag)
        self._flag = torch.tensor([flag])
        self._asked = dist.all_reduce(self._flag, dist.ReduceOp.MAX, group=self._words, async_op=True)
        return heard


class Place(NamedTuple):
    """A process's number, how many there are, and its number on this machine."""

    rank: int
    size: int
    local: int


def place() -> Place:
    """Return where torchrun put this process."""
    rank, size, local = (int(os.environ.get(name) or default) for name, default in _VARIABLES.items())
    return Place(rank, size, local)


_VARIABLES = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": 0}


@contextmanager
def process_group(device: torch.device) -> Iterator[ProcessGroup]:
    """Join the processes that torchrun started, for a while; alone where it started none."""
    rank, size, _ = place()
    if size == 1:
        yield SingleProcess()
        return
    store, _, _ = next(rendezvous("env://"))
    # torchrun keeps one store for all its restarts: without a prefix, processes that were started again would find
    # the addresses of those that died.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"attempt-{attempt}", store)  # type: ignore[attr-defined]
    backend = "nccl" if device.type == "cuda" else "gloo"
    # The first process evaluates, and may train a judge for that, while the others wait.
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield DistributedProcesses(rank, size, device)
    finally:
        dist.destroy_process_group()
