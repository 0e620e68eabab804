"""Random numbers that depend on (seed, stream, step) alone, so that a few integers restore all of them."""

from __future__ import annotations

import hashlib

import torch


def key(seed: int, stream: str, step: int = 0) -> int:
    """Return a 63-bit seed for one stream at one step; different streams and steps share no numbers."""
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Streams:
    """Generators on one device, one a stream, each set anew for every step."""

    def __init__(self, seed: int, device: torch.device | str = "cpu"):
        self.seed = seed
        self.device = torch.device(device)
        self._generators: dict[str, torch.Generator] = {}

    def at(self, stream: str, step: int = 0) -> torch.Generator | None:
        """Return the generator of ``stream`` as it is at ``step``; ``None`` on the meta device, which draws nothing."""
        if self.device.type == "meta":
            return None
        generator = self._generators.get(stream)
        if generator is None:
            generator = self._generators[stream] = torch.Generator(self.device)
        return generator.manual_seed(key(self.seed, stream, step))
