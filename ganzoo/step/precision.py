"""In which numbers networks compute.

Weights, optimizers and averages stay in float32, and so do penalties and what losses do with each number of a network's
answer; matrix products, wherever they are, are what is cast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzoo.contract.networks import Discriminator, Generator
from ganzoo.errors import UserError

PROCESSOR = Path("/proc/cpuinfo")
_HARDWARE = re.compile(r"^(?:flags|Features)\s*:.*\b(?:avx512_bf16|amx_bf16|bf16)\b", re.MULTILINE)


@dataclass(frozen=True)
class Precision:
    """``casts`` says whether matrix products and convolutions take bfloat16, ``tf32`` whether TensorFloat-32."""

    name: Literal["fp32", "tf32", "bf16"]
    device: torch.device
    casts: bool = False
    tf32: bool = False

    def computing(self) -> AbstractContextManager[Any]:
        """Return the context in which a phase computes."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.casts else nullcontext()

    def prepare(self, recipe: nn.Module) -> None:
        """Let every network answer in float32, so that what is made of its answers keeps every bit."""
        if not self.casts:
            return
        networks = {module for module in recipe.modules() if isinstance(module, Generator | Discriminator)}
        for network in networks | set(recipe.children()):
            network.register_forward_hook(_answer_in_float32)

    @contextmanager
    def set(self) -> Iterator[None]:
        """Let float32 products be what they should, for a while."""
        before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
        torch.set_float32_matmul_precision("high" if self.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = self.tf32
        # Batches have one shape for the whole training, so the fastest convolution is worth looking for.
        torch.backends.cudnn.benchmark = self.device.type == "cuda"
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before[0])
            torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before[1:]


def choose_precision(name: str, device: torch.device) -> Precision:
    """Return the precision called ``name``; ``auto`` takes bf16 where the processor has it in hardware.

    Raises :class:`UserError` where the device cannot compute in it.
    """
    if name == "auto":
        name = "bf16" if has_bf16(device) else "fp32"
    if name == "tf32" and device.type != "cuda":
        raise UserError(f"precision 'tf32' is one of NVIDIA's GPUs, not of {device}: use --precision fp32 or bf16")
    if name == "bf16" and not torch.amp.is_autocast_available(device.type):
        raise UserError(f"precision 'bf16' is not available on {device}: use --precision fp32")
    return _PRECISIONS[name](device)


_PRECISIONS: Mapping[str, Callable[[torch.device], Precision]] = {
    "fp32": partial(Precision, "fp32"),
    "tf32": partial(Precision, "tf32", tf32=True),
    "bf16": partial(Precision, "bf16", casts=True),
}


def has_bf16(device: torch.device) -> bool:
    """Return whether ``device`` multiplies bfloat16 matrices in hardware, where that is known."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    try:
        return bool(_HARDWARE.search(PROCESSOR.read_text(encoding="utf-8")))
    except OSError:
        return False


def _answer_in_float32(network: nn.Module, given: Any, answer: Any) -> Any:
    return _in_float32(answer)


def _in_float32(answer: Any) -> Any:
    if isinstance(answer, Tensor):
        return answer.float() if answer.dtype in (torch.bfloat16, torch.float16) else answer
    if isinstance(answer, tuple):
        parts = [_in_float32(part) for part in answer]
        return type(answer)(*parts) if hasattr(answer, "_fields") else tuple(parts)
    return answer
