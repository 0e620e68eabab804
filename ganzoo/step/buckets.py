"""Gradients in buckets: each is one message, which may begin before the backward pass has made the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.errors import TrainingFailed

LEAST = 2**20  # bytes of a bucket, where several are allowed: smaller messages take hardly less time
Wait = Callable[[], object]
"""Waits for the end of a message."""


@final
class Buckets:
    """The gradients of ``parameters`` in at most ``most`` buckets, which are sent in a fixed order.

    A backward pass makes the gradients of the last layers first, so the first bucket has the last parameters. ``begin``
    starts to replace a vector by its sum over all processes.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], most: int, begin: Callable[[Tensor], Wait]):
        self._buckets, self._begin = divided(parameters, most), begin
        self._under_way: list[tuple[list[Tensor], Tensor, Wait]] = []

    @contextmanager
    def watching(self, passes: int) -> Iterator[None]:
        """In the block, send each bucket as soon as all of its parameters have got a gradient from each backward pass.

        Raises :class:`TrainingFailed` if one gets more.
        """
        missing = [passes * len(bucket) for bucket in self._buckets]

        def made(number: int) -> None:
            missing[number] -= 1
            if missing[number] < 0:
                raise TrainingFailed(
                    "a phase runs more backward passes than its loss needs, so that its gradients cannot be exchanged "
                    "while they are made: leave out --overlap"
                )
            while len(self._under_way) < len(missing) and not missing[len(self._under_way)]:
                self._send()

        hooks = [
            parameter.register_post_accumulate_grad_hook(lambda _, number=number: made(number))
            for number, bucket in enumerate(self._buckets)
            for parameter in bucket
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def finish(self, count: int) -> None:
        """Send what is left, wait for everything, and replace the gradients by their means over ``count`` processes."""
        while len(self._under_way) < len(self._buckets):
            self._send()
        for gradients, flat, wait in self._under_way:
            wait()
            flat.div_(count)
            for gradient, part in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
                gradient.copy_(part.view(gradient.shape))

    def _send(self) -> None:
        bucket = self._buckets[len(self._under_way)]
        gradients = [parameter.grad for parameter in bucket if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients]) if gradients else torch.empty(0)
        self._under_way.append((gradients, flat, self._begin(flat) if gradients else _at_once))


def divided(parameters: Sequence[nn.Parameter], most: int) -> list[list[nn.Parameter]]:
    """Return ``parameters`` in at most ``most`` parts of similar size, the last part first.

    >>> of_a_mebibyte = [nn.Parameter(torch.empty(2**18)) for _ in range(3)]
    >>> [len(part) for part in divided(of_a_mebibyte, 2)], [len(part) for part in divided(of_a_mebibyte, 1)]
    ([2, 1], [3])
    """
    enough = max(LEAST, -(-sum(parameter.nbytes for parameter in parameters) // most))
    parts: list[list[nn.Parameter]] = [[]]
    for parameter in reversed(parameters):
        if sum(each.nbytes for each in parts[-1]) >= enough:
            parts.append([])
        parts[-1].insert(0, parameter)
    return parts


def _at_once() -> None:
    """Wait for nothing."""
