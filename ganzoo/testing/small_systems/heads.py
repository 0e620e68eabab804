"""Heads of a discriminator: a classifier, and one that recovers the codes in the noise."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import Config, Draws, Field, Head, HeadInput, Latent


@final
class Classifier(Head):
    """Predicts the class of real and fake examples (ACGAN, arXiv 1610.09585)."""

    def __init__(self, config: Config, features: int, condition: Field | None, latent: Latent):
        super().__init__(config, features, condition, latent)
        assert condition is not None
        self.layer = nn.Linear(features, condition.classes)

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the cross-entropy (B,) of both."""
        return {"class of real": self._error(real), "class of fake": self._error(fake)}

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the cross-entropy (B,) of fakes."""
        return {"class": self._error(fake)}

    def _error(self, examples: HeadInput) -> Tensor:
        assert examples.condition is not None
        return F.cross_entropy(self.layer(examples.features), examples.condition, reduction="none")


@final
class Codes(Latent):
    """Gaussian noise, a class and two numbers (InfoGAN, arXiv 1606.03657)."""

    NOISE, CLASSES, NUMBERS = 16, 5, 2

    shape = (NOISE + CLASSES + NUMBERS,)
    controls = MappingProxyType({"code": Field("class", classes=CLASSES), "style": Field("vector", (NUMBERS,))})

    def __init__(self, config: Config):
        pass

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise, a one-hot code and numbers from [-1, 1] (count, 23)."""
        code = self._one_hot(draws.integers(self.CLASSES, count))
        return torch.cat([draws.normal(count, self.NOISE), code, 2 * draws.uniform(count, self.NUMBERS) - 1], dim=1)

    def _one_hot(self, code: Tensor) -> Tensor:
        # F.one_hot reads the largest value on the host, and such a step cannot be recorded.
        return (code[:, None] == torch.arange(self.CLASSES, device=code.device)).float()

    def place(self, z: Tensor, chosen: Mapping[str, Tensor]) -> Tensor:
        """Return z with the chosen code and numbers."""
        noise, code, style = z.split([self.NOISE, self.CLASSES, self.NUMBERS], dim=1)
        if "code" in chosen:
            code = self._one_hot(chosen["code"])
        return torch.cat([noise, code, chosen.get("style", style)], dim=1)


@final
class Recovery(Head):
    """Recovers the codes of fakes (InfoGAN, arXiv 1606.03657, equation 5)."""

    def __init__(self, config: Config, features: int, condition: Field | None, latent: Latent):
        super().__init__(config, features, condition, latent)
        self.layer = nn.Linear(features, Codes.CLASSES + Codes.NUMBERS)

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the error of both kinds of code (B,)."""
        return self._errors(fake)

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the same errors."""
        return self._errors(fake)

    def _errors(self, fake: HeadInput) -> Mapping[str, Tensor]:
        assert fake.z is not None
        _, code, style = fake.z.split([Codes.NOISE, Codes.CLASSES, Codes.NUMBERS], dim=1)
        logits, numbers = self.layer(fake.features).split([Codes.CLASSES, Codes.NUMBERS], dim=1)
        error = F.cross_entropy(logits, code.argmax(1), reduction="none")
        return {"code": error, "style": 0.5 * (numbers - style).square().sum(1)}
