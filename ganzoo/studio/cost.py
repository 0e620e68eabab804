"""The cost of operations, independent of the machine: FLOPs, and the bytes that are read and written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

# Operations that allocate or share memory without touching it; views are known by their schema.
FREE = {"_unsafe_view", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"}
# Operations that overwrite their first argument without reading it.
OVERWRITING = {
    "copy_",
    "fill_",
    "zero_",
    "normal_",
    "uniform_",
    "random_",
    "bernoulli_",
    "_foreach_copy_",
    "_foreach_zero_",
}
# Operations that read no more of their first argument than they return.
PICKING = {"index", "index_select", "gather", "embedding"}


@dataclass(frozen=True)
class Cost:
    """FLOPs and bytes."""

    flops: int
    bytes: int

    def per(self, times: int) -> Cost:
        """Return the cost of one of ``times`` equal pieces of work."""
        return Cost(round(self.flops / times), round(self.bytes / times))


def cost_of(work: Callable[[], object]) -> Cost:
    """Return the cost of ``work`` in eager execution.

    FLOPs are those of matrix products and convolutions, two for a multiplication and addition, by torch's formulas;
    all other operations, also those of optimizers, have few. Bytes are counted as if every operation read its tensors
    from memory and wrote its results to it: caches and fused kernels save some of them.
    """
    with _Counter() as counter:
        work()
    return Cost(counter.flops, counter.bytes)


@final
class _Counter(TorchDispatchMode):
    """Adds up operations. torch's own FlopCounterMode also tracks modules, and fails with gradient penalties."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops, self.bytes = 0, 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        answer = operation(*args, **kwargs)
        formula = flop_registry.get(operation.overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **kwargs, out_val=answer)
        self.bytes += bytes_of(operation, args, kwargs, answer)
        return answer


def bytes_of(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any], answer: Any) -> int:
    """Return the bytes that ``operation`` read and wrote to return ``answer``; a view costs nothing."""
    name = operation.overloadpacket.__name__
    if operation.is_view or name in FREE:
        return 0
    declared = operation._schema
    given = [*zip(declared.arguments, args, strict=False), *_named(declared, kwargs)]
    written = sum(_size(value) for argument, value in given if argument.alias_info and argument.alias_info.is_write)
    made = answer if isinstance(answer, tuple) else (answer,)
    written += sum(_size(value) for result, value in zip(declared.returns, made, strict=False) if not result.alias_info)
    read = sum(_size(value) for argument, value in given[1:] if not argument.is_out)
    return written + read + (_read_of_first(name, given[0][1], answer) if given else 0)


def _named(declared: Any, kwargs: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    return ((argument, kwargs[argument.name]) for argument in declared.arguments if argument.name in kwargs)


def _read_of_first(name: str, first: Any, answer: Any) -> int:
    if name in OVERWRITING or name.endswith("_like") or name.startswith("new_"):
        return 0
    return min(_size(first), _size(answer)) if name in PICKING else _size(first)


def _size(value: Any) -> int:
    """The bytes of all tensors in a value; expanded dimensions are in memory once."""
    return sum(
        math.prod(size for size, stride in zip(leaf.shape, leaf.stride(), strict=True) if stride) * leaf.element_size()
        for leaf in tree_leaves(value)
        if isinstance(leaf, Tensor)
    )
