"""The processes that train together: each computes a share of every batch, and all make the same update."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, NamedTuple, final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from ganzoo.randomness import Share
from ganzoo.step.buckets import Buckets, Wait

GROUP_TIMEOUT = timedelta(hours=6)  # the longest that a process waits for the others
BUCKETS = 8  # messages at most for the gradients of a phase, where they are exchanged during the backward pass


class ProcessGroup(ABC):
    """The processes of one training; only the first one (rank 0) writes files and shows progress."""

    share: Share

    @property
    def is_first(self) -> bool:
        """Whether this process is the first one (rank 0)."""
        return self.share.index == 0

    @abstractmethod
    def exchanging(self, parameters: Sequence[nn.Parameter], passes: int) -> AbstractContextManager[None]:
        """In the block, ``passes`` backward passes, gradients of ``parameters`` may begin to be exchanged."""

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

    def exchanging(self, parameters: Sequence[nn.Parameter], passes: int) -> AbstractContextManager[None]:
        """Return a context in which nothing is exchanged."""
        return nullcontext()

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
    """Several processes: what they average travels in messages, each of which is summed over all of them.

    With ``overlap`` the gradients of a phase travel in several messages, which begin during the backward pass.
    """

    def __init__(self, overlap: bool):
        self._overlap = overlap
        self._under_way: list[Buckets] = []

    @abstractmethod
    def begin_sum(self, values: Tensor) -> Wait:
        """Begin to replace ``values`` by their sums over all processes, and return what waits for the end."""

    def exchanging(self, parameters: Sequence[nn.Parameter], passes: int) -> AbstractContextManager[None]:
        """In the block, begin to exchange gradients of ``parameters`` as soon as ``passes`` passes have made them."""
        if not self._overlap:
            return nullcontext()
        self._under_way = [Buckets(parameters, BUCKETS, self.begin_sum)]
        return self._under_way[0].watching(passes)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace the gradients by their means over all processes: all in one message, if none is under way."""
        buckets = self._under_way.pop() if self._under_way else Buckets(parameters, 1, self.begin_sum)
        buckets.finish(self.share.count)

    def average(self, numbers: Tensor) -> Tensor:
        """Return the mean of ``numbers`` over all processes."""
        total = numbers.clone()
        self.begin_sum(total)()
        return total / self.share.count


@final
class DistributedProcesses(ExchangingProcesses):
    """Several processes that torchrun started."""

    def __init__(self, rank: int, size: int, device: torch.device, overlap: bool = False):
        super().__init__(overlap)
        self.share = Share(rank, size)
        self._device = device
        # Texts and flags have a group of their own, so that they never wait for the accelerator.
        self._host_group: Any = dist.new_group(backend="gloo", timeout=GROUP_TIMEOUT) if device.type == "cuda" else None
        self._flag = torch.zeros(1, dtype=torch.int64)
        self._pending: Any = None

    def begin_sum(self, values: Tensor) -> Wait:
        """Begin to replace ``values`` by their sums over all processes, and return what waits for the end."""
        work = dist.all_reduce(values, async_op=True)
        return work.wait

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
def process_group(device: torch.device, overlap: bool) -> Iterator[ProcessGroup]:
    """In the block, join the processes that torchrun started; without torchrun, there is one process.

    With ``overlap`` gradients are exchanged during the backward pass.
    """
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
        yield DistributedProcesses(rank, size, device, overlap)
    finally:
        dist.destroy_process_group()
