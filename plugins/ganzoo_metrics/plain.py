"""The judge whose features of an example are its own values."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Config, Examples, Field, Judge, JudgeOutput, Track


@final
class Plain(Judge):
    """Has no weights and no classes; its features are the flattened values of the example."""

    def __init__(self, config: Config, field: Field, condition: Field | None):
        super().__init__()

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Learn nothing."""

    def forward(self, values: Tensor) -> JudgeOutput:
        """Return ``values`` (N, \\*X) as features (N, F)."""
        features = values.flatten(1).float()
        return JudgeOutput(
            features, features[:, :0], torch.ones(len(features), dtype=torch.bool, device=features.device)
        )
