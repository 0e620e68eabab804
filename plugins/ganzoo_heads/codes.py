"""Noise with codes, and the head that recovers them from fakes, as in InfoGAN."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import Draws, Field, Head, HeadInput, Latent
from ganzoo_heads.configs import CodeHeadConfig, CodesConfig
from ganzoo_heads.likelihoods import Categorical, Gaussian, Likelihood


@final
class Codes(Latent):
    """Noise, one-hot categories and numbers from [-1, 1], in this order (Chen et al. 2016, arXiv 1606.03657)."""

    def __init__(self, config: CodesConfig):
        super().__init__(config)
        self._config = config
        names = ["code"] if len(config.categories) == 1 else [f"code{n + 1}" for n in range(len(config.categories))]
        self._categories = dict(zip(names, config.categories, strict=True))
        controls = {name: Field("class", classes=classes) for name, classes in self._categories.items()}
        if config.numbers:
            controls["style"] = Field("vector", (config.numbers,))
        self.controls = MappingProxyType(controls)
        self._sizes = [config.size, *config.categories, config.numbers]
        self.shape = (sum(self._sizes),)

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise (B, Z) with codes that are uniformly distributed."""
        size = self._config.size
        noise = draws.normal(count, size) if self._config.noise == "normal" else 2 * draws.uniform(count, size) - 1
        codes = [_one_hot(draws.integers(classes, count), classes) for classes in self._config.categories]
        return torch.cat([noise, *codes, 2 * draws.uniform(count, self._config.numbers) - 1], dim=1)

    def place(self, z: Tensor, chosen: Mapping[str, Tensor]) -> Tensor:
        """Return z (B, Z) with the chosen categories (B,) and numbers (B, F)."""
        noise, *codes, numbers = z.split(self._sizes, dim=1)
        placed = [
            _one_hot(chosen[name], classes) if name in chosen else code
            for (name, classes), code in zip(self._categories.items(), codes, strict=True)
        ]
        return torch.cat([noise, *placed, chosen.get("style", numbers)], dim=1)

    def read(self, z: Tensor) -> Mapping[str, Tensor]:
        """Return the categories (B,) and numbers (B, F) in z (B, Z)."""
        _, *codes, numbers = z.split(self._sizes, dim=1)
        values = {name: code.argmax(1) for name, code in zip(self._categories, codes, strict=True)}
        return {**values, "style": numbers} if self._config.numbers else values


def _one_hot(code: Tensor, classes: int) -> Tensor:
    # F.one_hot reads the largest value on the host, and such a step cannot be recorded.
    return (code[:, None] == torch.arange(classes, device=code.device)).float()


@final
class CodeHead(Head):
    """Recovers the codes of fakes: the network Q of InfoGAN (Chen et al. 2016, arXiv 1606.03657, equation 5).

    Its errors are the cross-entropy −log Q(c | G(z, c)), which is the mutual information of codes and fakes with the
    other sign, but for the entropy of the codes, a constant. Generator and discriminator both decrease it.
    """

    def __init__(self, config: CodeHeadConfig, features: int, condition: Field | None, latent: Latent):
        super().__init__(config, features, condition, latent)
        self._latent = latent
        self._likelihoods: dict[str, Likelihood] = {}
        self._weights: dict[str, float] = {}
        for name, field in latent.controls.items():
            categorical = bool(field.classes)
            self._weights[name] = config.category_weight if categorical else config.number_weight
            self._likelihoods[name] = (
                Categorical(field.classes) if categorical else Gaussian(field.size, config.learnt_deviation)
            )
        width = config.width or features
        hidden = [nn.Linear(features, width), nn.BatchNorm1d(width) if config.norm else nn.Identity()]
        self.hidden = nn.Sequential(*hidden, nn.LeakyReLU(config.slope)) if config.width else nn.Identity()
        self.output = nn.Linear(width, sum(likelihood.width for likelihood in self._likelihoods.values()))

    def forward(self, features: Tensor) -> Mapping[str, Tensor]:
        """Map features (B, F) to the parameters (B, …) of the distribution of each code: logits, or means."""
        sizes = [likelihood.width for likelihood in self._likelihoods.values()]
        parts = self.output(self.hidden(features)).split(sizes, dim=1)
        return dict(zip(self._likelihoods, parts, strict=True))

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the error (B,) of each code; real examples have no codes."""
        return self._errors(fake)

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the same errors."""
        return self._errors(fake)

    def _errors(self, fake: HeadInput) -> Mapping[str, Tensor]:
        assert fake.z is not None
        outputs, values = self(fake.features), self._latent.read(fake.z)
        return {
            name: self._weights[name] * likelihood.error(outputs[name], values[name])
            for name, likelihood in self._likelihoods.items()
        }
