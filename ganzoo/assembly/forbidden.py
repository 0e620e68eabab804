"""What the code of parts must not do in a step: draw random numbers of its own, and read values on the host."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.assembly.broken_contract import refuse
from ganzoo.assembly.parts import SelectedParts
from ganzoo.contract.conditioner import Conditioner
from ganzoo.contract.head import Head
from ganzoo.contract.latent import Latent
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.working_state import WorkingState

READS_A_VALUE = (
    "it reads the value of a tensor on the host (as .item(), float(), bool(), if, print and numpy() do), and a step "
    "stays on the device: use operations of torch, such as torch.where"
)
_RANDOM = {
    *(torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli, torch.multinomial),
    *(torch.rand_like, torch.randn_like, torch.randint_like),
    *(Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.random_, Tensor.exponential_, Tensor.bernoulli),
}
_COPIES = {Tensor.numpy, Tensor.tolist, Tensor.__array__, Tensor.__repr__}  # no operation tells of these
_DRAWS = "ganzoo.randomness"  # the module whose code draws for everyone
# Layers of networks may draw, as dropout does: torch's generator is seeded for them.
_MUST_NOT_DRAW = (WorkingState, Recipe, Latent)
# Plain networks of a program may read values: no step of theirs is recorded, as that fails and is reported.
_MUST_NOT_READ = (*_MUST_NOT_DRAW, Head, Conditioner)


@contextmanager
def forbidden_refused(parts: SelectedParts) -> Iterator[None]:
    """In the block, raise :class:`UserError` that names the part if its code does what it must not."""
    with _Functions(parts), _Operations(parts):
        yield


class _Functions(TorchFunctionMode):
    """Looks at the functions of torch that are called in Python."""

    def __init__(self, parts: SelectedParts):
        super().__init__()
        self._parts = parts

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function of torch, unless it is forbidden."""
        if func in _RANDOM:
            _refuse(
                self._parts,
                _MUST_NOT_DRAW,
                f"it draws random numbers with torch's {func.__name__}; take them from the draws that it receives "
                "(draws.normal, draws.uniform, draws.integers), or a run could not be repeated",
            )
        if func in _COPIES:
            _refuse(self._parts, _MUST_NOT_READ, READS_A_VALUE)
        return func(*args, **(kwargs or {}))


class _Operations(TorchDispatchMode):
    """Looks at the operations that functions of torch consist of; the meta device refuses to read values by itself."""

    def __init__(self, parts: SelectedParts):
        super().__init__()  # type: ignore[no-untyped-call]
        self._parts = parts

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Do an operation, unless it reads a value."""
        if func is torch.ops.aten._local_scalar_dense.default:
            _refuse(self._parts, _MUST_NOT_READ, READS_A_VALUE)
        return func(*args, **(kwargs or {}))


def _refuse(parts: SelectedParts, kinds: tuple[type, ...], wrong: str) -> None:
    running = _running(sys._getframe(2))
    owner = parts.owner(running) if isinstance(running, kinds) else None
    if owner is not None:
        refuse(owner, "", wrong)


def _running(frame: FrameType | None) -> object:
    """Return the innermost module or latent on the stack, or ``None`` if ganzoo itself draws for it."""
    while frame is not None:
        if frame.f_globals.get("__name__") == _DRAWS:
            return None
        running = frame.f_locals.get("self")
        if isinstance(running, nn.Module | Latent):
            return running
        frame = frame.f_back
    return None
