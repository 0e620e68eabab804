"""The auxiliary classifier of ACGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import Field, Head, HeadInput, Latent
from ganzoo_heads.configs import ClassifierConfig
from ganzoo_heads.likelihoods import label_likelihood


@final
class Classifier(Head):
    """Predicts the condition of real and fake examples (Odena et al. 2017, arXiv 1610.09585, equation 3)."""

    def __init__(self, config: ClassifierConfig, features: int, condition: Field | None, latent: Latent):
        super().__init__(config, features, condition, latent)
        assert condition is not None  # its declaration requires one
        self._config, self._likelihood = config, label_likelihood(condition)
        self.layer = nn.Linear(features, self._likelihood.width)

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the errors (B,) for real and for fake examples."""
        return {
            "class of real": self._config.real_weight * self._error(real),
            "class of fake": self._config.fake_weight * self._error(fake),
        }

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the errors (B,) for fake examples."""
        return {"class": self._config.generator_weight * self._error(fake)}

    def statistics(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the shares (B,) of classes or attributes that are right."""
        return {"class accuracy of real": self._right(real), "class accuracy of fake": self._right(fake)}

    def _error(self, examples: HeadInput) -> Tensor:
        assert examples.condition is not None
        return self._likelihood.error(self.layer(examples.features), examples.condition)

    def _right(self, examples: HeadInput) -> Tensor:
        assert examples.condition is not None
        return self._likelihood.right(self.layer(examples.features), examples.condition)
