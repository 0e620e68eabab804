"""The options of the recipe of stories; this module imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ganzoo.plugin import Config, DataSpec, option


@dataclass(frozen=True)
class StoryConfig(Config):
    """Options of the recipe of stories."""

    code: int = option(64, "numbers in the state that is handed from frame to frame", low=1)
    sentences: int = option(1, "sentences of a caption: 1 for the whole clip, or one for each frame", low=1, high=64)
    kl: float = option(1.0, "weight of the divergence of the story's first state from N(0, 1)", low=0)
    frame_weight: float = option(1.0, "weight of the discriminator of frames in the generator's loss", low=0)
    story_weight: float = option(1.0, "weight of the discriminator of whole clips in the generator's loss", low=0)
    mismatched: float = option(
        0.5, "share of real clips with the condition of another one among the discriminators' fakes", low=0, high=1
    )
    generator_updates: int = option(1, "generator updates per step", low=1)

    def problems(self, data: Mapping[str, DataSpec]) -> Iterator[str]:
        """Yield a sentence where the caption has no such sentences."""
        spec = data["dataset"]
        field = spec.condition_field
        if self.sentences == 1:
            return
        frames = spec.target_field.shape[0]
        if field is None or field.kind != "tokens" or field.size % self.sentences:
            yield f"needs captions of {self.sentences} sentences of equal length: use --recipe-sentences 1"
        elif self.sentences != frames:
            yield f"needs one sentence for each frame, not {self.sentences}: set --recipe-sentences {frames}"
