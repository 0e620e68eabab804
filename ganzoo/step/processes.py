"""The processes that train together: each computes a share of every batch, and all make the same update."""

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

GROUP_TIMEOUT = timedelta(hours=6)  # the longest that a process waits for the others


class ProcessGroup(ABC):
    """The processes of one training; only the first one (rank 0) writes files and shows progress."""

    share: Share

    @property
    def is_first(self) -> bool:
        """Whether this process is the first one (rank 0)."""
        return self.share.index == 0

    @abstractmethod
    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace the gradients of ``parameters`` by their means over all processes."""

    @abstractmethod
    def average(self, numbers: Tensor) -> Tensor:
        """Return the mean of ``numbers`` over all processes."""

    @abstractmethod
    def broadcast_text(self, text: str) -> str:
        """Return the ``text`` of the first process."""

    @abstractmethod
    def broadcast_weights(self, network: nn.Module) -> None:
        """Replace the parameters and buffers of ``network`` by those of the first process."""

    @abstractmethod
    def max_flag(self, flag: int) -> int:
        """Return the largest ``flag`` (at least 0) that a process passed to the previous call.

        All processes must make the same calls.
        """


@final
class SingleProcess(ProcessGroup):
    """A training in one process: nothing to exchange."""

    share = Share()

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Do nothing."""

    def average(self, numbers: Tensor) -> Tensor:
        """Return ``numbers``."""
        return numbers

    def broadcast_text(self, text: str) -> str:
        """Return ``text``."""
        return text

    def broadcast_weights(self, network: nn.Module) -> None:
        """Do nothing."""

    def max_flag(self, flag: int) -> int:
        """Return ``flag``."""
        return flag


class ExchangingProcesses(ProcessGroup):
    """Several processes: what they average travels in messages, each of which is summed over all of them."""

    @abstractmethod
    def sum_over_all(self, values: Tensor) -> None:
        """Replace ``values`` by their sums over all processes, in one message."""

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace the gradients by their means over all processes, in one message."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        self.sum_over_all(flat)
        flat /= self.share.count
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def average(self, numbers: Tensor) -> Tensor:
        """Return the mean of ``numbers`` over all processes."""
        total = numbers.clone()
        self.sum_over_all(total)
        return total / self.share.count


@final
class DistributedProcesses(ExchangingProcesses):
    """Several processes that torchrun started."""

    def __init__(self, rank: int, size: int, device: torch.device):
        self.share = Share(rank, size)
        self._device = device
        # Texts and flags have a group of their own, so that they never wait for the accelerator.
        self._host_group: Any = dist.new_group(backend="gloo", timeout=GROUP_TIMEOUT) if device.type == "cuda" else None
        self._flag = torch.zeros(1, dtype=torch.int64)
        self._pending: Any = None

    def sum_over_all(self, values: Tensor) -> None:
        """Replace ``values`` by their sums over all processes, in one message."""
        dist.all_reduce(values)

    def broadcast_text(self, text: str) -> str:
        """Return the ``text`` of the first process."""
        encoded = torch.tensor(list(text.encode()), dtype=torch.uint8)
        length = torch.tensor([len(encoded)])
        dist.broadcast(length, 0, group=self._host_group)
        received = encoded if self.is_first else torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(received, 0, group=self._host_group)
        return bytes(received.tolist()).decode()

    def broadcast_weights(self, network: nn.Module) -> None:
        """Replace the parameters and buffers of ``network`` by those of the first process."""
        for values in network.state_dict().values():
            sent = values.contiguous()
            dist.broadcast(sent, 0)
            values.copy_(sent)

    def max_flag(self, flag: int) -> int:
        """Return the largest flag of the previous call: it travels during a step, and all receive it after the same."""
        largest = 0
        if self._pending is not None:
            self._pending.wait()
            largest = int(self._flag)
        self._flag = torch.tensor([flag])
        self._pending = dist.all_reduce(self._flag, dist.ReduceOp.MAX, group=self._host_group, async_op=True)
        return largest


class ProcessRank(NamedTuple):
    """The rank of a process, the number of processes, and its rank on this machine."""

    rank: int
    size: int
    local: int


def process_rank() -> ProcessRank:
    """Return the rank that torchrun gave this process; rank 0 of 1 if it was not started by torchrun."""
    rank, size, local = (int(os.environ.get(name) or default) for name, default in _VARIABLES.items())
    return ProcessRank(rank, size, local)


_VARIABLES = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": 0}


@contextmanager
def process_group(device: torch.device) -> Iterator[ProcessGroup]:
    """In the block, join the processes that torchrun started; without torchrun, there is one process."""
    rank, size, _ = process_rank()
    if size == 1:
        yield SingleProcess()
        return
    store, _, _ = next(rendezvous("env://"))
    # torchrun keeps one store for all its restarts: without a prefix, restarted processes would find the addresses of
    # those that died.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"attempt-{attempt}", store)  # type: ignore[attr-defined]
    backend, own = ("nccl", device) if device.type == "cuda" else ("gloo", None)
    # The others wait while the first process evaluates, for which it may have to train a judge.
    # NCCL that knows its device connects now, under the right timeout.
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=GROUP_TIMEOUT, device_id=own)
    try:
        yield DistributedProcesses(rank, size, device)
    finally:
        dist.destroy_process_group()
