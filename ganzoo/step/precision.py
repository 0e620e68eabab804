"""The number format in which networks compute.

Only matrix products and convolutions are cast. Weights, optimizers and averages stay in float32, and so do penalties
and the element-wise operations of losses on the outputs of networks.
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
_BF16_FLAGS = re.compile(r"^(?:flags|Features)\s*:.*\b(?:avx512_bf16|amx_bf16|bf16)\b", re.MULTILINE)


@dataclass(frozen=True)
class Precision:
    """A precision on a device: matrix products use bfloat16 if ``casts``, TensorFloat-32 if ``tf32``, else float32."""

    name: Literal["fp32", "tf32", "bf16"]
    device: torch.device
    casts: bool = False
    tf32: bool = False

    def computing(self) -> AbstractContextManager[Any]:
        """Return the context in which the loss of a phase is computed."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.casts else nullcontext()

    def prepare(self, recipe: nn.Module) -> None:
        """Convert the output of every network to float32, so that losses lose no precision."""
        if not self.casts:
            return
        networks = {module for module in recipe.modules() if isinstance(module, Generator | Discriminator)}
        for network in networks | set(recipe.children()):
            network.register_forward_hook(_output_in_float32)

    @contextmanager
    def set(self) -> Iterator[None]:
        """In the block, set torch's global precision of float32 products."""
        before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
        torch.set_float32_matmul_precision("high" if self.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = self.tf32
        # Batches have the same shape in the whole training, so a search for the fastest convolution pays. What it finds
        # may differ from run to run.
        searches = self.device.type == "cuda" and not torch.are_deterministic_algorithms_enabled()
        torch.backends.cudnn.benchmark = searches
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before[0])
            torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before[1:]


def choose_precision(name: str, device: torch.device) -> Precision:
    """Return the precision called ``name``; ``auto`` takes bf16 if the device has it in hardware, else fp32.

    Raises :class:`UserError` if the device does not support it.
    """
    if name == "auto":
        name = "bf16" if has_bf16(device) else "fp32"
    if name == "tf32" and device.type != "cuda":
        raise UserError(f"precision 'tf32' needs an NVIDIA GPU, and this is {device}: use --precision fp32 or bf16")
    if name == "bf16" and not torch.amp.is_autocast_available(device.type):
        raise UserError(f"precision 'bf16' is not available on {device}: use --precision fp32")
    return _PRECISIONS[name](device)


_PRECISIONS: Mapping[str, Callable[[torch.device], Precision]] = {
    "fp32": partial(Precision, "fp32"),
    "tf32": partial(Precision, "tf32", tf32=True),
    "bf16": partial(Precision, "bf16", casts=True),
}


def has_bf16(device: torch.device) -> bool:
    """Return whether ``device`` is known to multiply bfloat16 matrices in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    try:
        return bool(_BF16_FLAGS.search(PROCESSOR.read_text(encoding="utf-8")))
    except OSError:
        return False


def _output_in_float32(network: nn.Module, inputs: Any, output: Any) -> Any:
    return _in_float32(output)


def _in_float32(output: Any) -> Any:
    if isinstance(output, Tensor):
        return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output
    if isinstance(output, tuple):
        parts = [_in_float32(part) for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else tuple(parts)
    return output
