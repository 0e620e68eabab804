"""Networks and checkpoints as other people's code writes them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo.catalogue import Selection, installed, select
from ganzoo.errors import UserError
from ganzoo.storage.model_file import read_model
from ganzoo.studio.conversion.convert import Conversion, convert

Z, WIDTH = 20, 4
OPTIONS = {"dataset": "cifar10", "dataset-size": 32, "latent-size": Z, "generator-width": WIDTH}
SMALL = {**OPTIONS, "discriminator-width": WIDTH}


class TutorialGenerator(nn.Module):
    """A DCGAN's generator as tutorials write it: noise (B, Z, 1, 1) to images (B, 3, 32, 32)."""

    def __init__(self, z: int = Z, width: int = WIDTH, bias: bool = False):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(z, width * 4, 4, 1, 0, bias=bias),
            nn.BatchNorm2d(width * 4),
            nn.ReLU(True),
            nn.ConvTranspose2d(width * 4, width * 2, 4, 2, 1, bias=bias),
            nn.BatchNorm2d(width * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(width * 2, width, 4, 2, 1, bias=bias),
            nn.BatchNorm2d(width),
            nn.ReLU(True),
            nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=bias),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Return images in [-1, 1]."""
        made: Tensor = self.main(z)
        return made


class TutorialDiscriminator(nn.Module):
    """The same for its discriminator: images (B, 3, 32, 32) to one number each."""

    def __init__(self, width: int = WIDTH):
        super().__init__()
        # The layers of one kind first, then those of the other.
        self.conv1 = nn.Conv2d(3, width, 4, 2, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width * 2, 4, 2, 1, bias=False)
        self.conv3 = nn.Conv2d(width * 2, width * 4, 4, 2, 1, bias=False)
        self.score = nn.Conv2d(width * 4, 1, 4, bias=False)
        self.norm2, self.norm3 = nn.BatchNorm2d(width * 2), nn.BatchNorm2d(width * 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, 1)."""
        h = nn.functional.leaky_relu(self.conv1(x), 0.2)
        h = nn.functional.leaky_relu(self.norm2(self.conv2(h)), 0.2)
        h = nn.functional.leaky_relu(self.norm3(self.conv3(h)), 0.2)
        logit: Tensor = self.score(h)
        return logit.flatten(1)


def lived(network: nn.Module) -> nn.Module:
    """Give every number of a network a value of its own, as a training would."""
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(7)
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.5 if name.endswith("var") else torch.randn_like(value) * 0.2)
            else:
                value.fill_(41)
    return network.eval()


def saved(value: Any, zipped: bool = True) -> bytes:
    """Return the bytes of ``torch.save``: a zip archive, or the legacy format."""
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def selected(variant: str = "dcgan", **options: Any) -> Selection:
    """Select the small variant that the networks of this module fit."""
    return select(installed(), variant, {**SMALL, **{name.replace("_", "-"): value for name, value in options.items()}})


class Conversions:
    """Converts values and bytes in a folder of its own."""

    def __init__(self, folder: Path):
        self.old, self.out = folder / "old.pkl", folder / "model.safetensors"

    def convert(self, value: Any, zipped: bool = True, selection: Any = None, **options: Any) -> Conversion:
        """Write ``value`` as a checkpoint and convert it."""
        self.old.write_bytes(value if isinstance(value, bytes) else saved(value, zipped))
        return convert(self.old, selection or selected(), self.out, **{"force": True, **options})

    def refused(self, value: Any, zipped: bool = True, selection: Any = None, **options: Any) -> str:
        """Return the one sentence with which a conversion ends, which leaves nothing behind."""
        try:
            self.convert(value, zipped, selection, **options)
        except UserError as problem:
            said = str(problem)
        else:
            raise AssertionError("the checkpoint was converted")
        assert not self.out.exists()
        assert "\n" not in said
        assert said.isprintable()
        return said

    def state(self, network: str = "generator") -> dict[str, Tensor]:
        """Return the state of a network of the converted model."""
        recipe = read_model(self.out, installed()).recipe
        return recipe.get_submodule(network).state_dict()


def numbers(network: nn.Module) -> list[Tensor]:
    """Return the tensors of a network, counters left out."""
    return [value for value in network.state_dict().values() if value.dim()]


def same_numbers(conversions: Conversions, network: nn.Module) -> bool:
    """Whether the model's generator holds the numbers of ``network``, layer for layer, to the bit."""
    made = [value for value in conversions.state().values() if value.dim()]
    return len(made) == len(numbers(network)) and all(map(torch.equal, made, numbers(network)))


# Sound checkpoints


def trained_checkpoint() -> tuple[nn.Module, nn.Module, Any]:
    """A checkpoint as training scripts write it: two networks, their optimizers, an epoch, losses, a device."""
    generator, discriminator = lived(TutorialGenerator()), lived(TutorialDiscriminator())
    optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    generator(torch.randn(2, Z, 1, 1)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 19,
        "g_model_state_dict": nn.DataParallel(generator).state_dict(),
        "d_model_state_dict": nn.DataParallel(discriminator).state_dict(),
        "g_optimizer_state_dict": optimizer.state_dict(),
        "losses": {"g": [1.5, 2.5], "best": np.float64(0.25)},
        "device": torch.device("cpu"),
    }
    return generator, discriminator, checkpoint


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state under names as somebody else would have chosen them, in the same order."""
    layers: dict[str, str] = {}
    made = {}
    for name, value in state.items():
        layer, _, role = name.rpartition(".")
        made[f"{layers.setdefault(layer, f'layer{len(layers)}')}.{role}"] = value
    return made
