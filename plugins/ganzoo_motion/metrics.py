"""Whether clips show the digit and the motion that was asked for, and keep the digit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Aim, Config, Examples, Metric, MetricContext, MetricValues, UserError
from ganzoo_editing.reader import Reading
from ganzoo_motion.digit_options import NAMES, SENTENCE, VOCABULARY
from ganzoo_video.configs import DIRECTIONS

STRAIGHT: Final = 0.5  # of the way: no more of it may lead aside
LEAST: Final = 0.15  # of the side: the shortest way


@final
class Motion(Metric):
    """Digit, direction and constancy of clips of one digit.

    ``digit`` is the share of clips most of whose frames show the digit that was asked for, read by a network that
    learnt it from frames of real clips. ``direction`` is that of clips whose centre of light moves as asked, which
    needs no network: along one axis, by at least 15 % of the side. ``constancy`` is the share of frames with the digit
    of most frames of their clip; ``all`` of clips with all three right. A clip from a first frame has the digit of that
    frame, and moves right in any of the four directions.
    """

    figures: ClassVar[Mapping[str, Aim]] = {
        "all": "high",
        "digit": "high",
        "direction": "high",
        "constancy": "high",
        "guess": "neither",
    }
    judged = False
    thorough = True

    def __init__(self, config: Config):
        self._read = Reading(digits_of)

    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of generated clips."""
        clips = generated.values
        shown = self._read(clips.flatten(0, 1), context).argmax(dim=1).unflatten(0, clips.shape[:2])
        digits, ways = asked(generated, shown)
        most = shown.mode(dim=1).values
        right = {
            "digit": most == digits,
            "direction": directions(clips) == ways if ways is not None else directions(clips) >= 0,
            "constancy": (shown == most[:, None]).float().mean(dim=1),
        }
        every = right["digit"] & right["direction"] & (right["constancy"] == 1)
        guess = 1 / len(NAMES) / (len(DIRECTIONS) if ways is not None else 1)
        return {
            "all": float(every.float().mean()),
            **{name: float(values.float().mean()) for name, values in right.items()},
            "guess": guess,
        }

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of real clips."""
        return self.measure(Examples(real.values, real.labels, real.conditions, real.values), real, context)


def digits_of(clips: Examples) -> tuple[Tensor, Tensor]:
    """Return a frame of each clip, a later one of each in turn, and its digit as one of ten attributes."""
    if clips.labels is None:
        raise UserError("metric 'motion' needs clips with the class of their digit: use --dataset moving-digits")
    rows = torch.arange(len(clips), device=clips.values.device)
    return clips.values[rows, rows % clips.values.shape[1]], F.one_hot(clips.labels, len(NAMES)).float()


def asked(examples: Examples, shown: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return the digits and the directions (N,) that were asked for; ``shown`` (N, T) are the digits of the frames."""
    conditions = examples.conditions
    if conditions is None:
        raise UserError("metric 'motion' needs a model with a condition: a caption, digit and direction, or a frame")
    if conditions.dim() == 4:  # the first frame, which is the first one of the clip too
        return shown[:, 0], None
    if conditions.shape[1:] == (2,):
        return conditions[:, 0].long(), conditions[:, 1].long()
    if conditions.shape[1:] == (SENTENCE,):
        words = conditions.long()
        return words[:, 1] - VOCABULARY.index(NAMES[0]), words[:, 3] - VOCABULARY.index(DIRECTIONS[0])
    raise UserError("metric 'motion' reads clips of one digit: use --dataset-digits 1")


def directions(clips: Tensor) -> Tensor:
    """Return the direction (N,) in which the centre of light of clips (N, T, C, H, W) moves, -1 for none of the four.

    The way is the difference of the means over the last and the first quarter of the frames.
    """
    light = (clips.mean(dim=2) + 1).clamp(min=0)
    height, width = light.shape[2:]
    total = light.sum(dim=(2, 3)).clamp(min=1e-6)
    across = (light.sum(dim=2) * torch.arange(width, device=clips.device)).sum(dim=2) / total / width
    down = (light.sum(dim=3) * torch.arange(height, device=clips.device)).sum(dim=2) / total / height
    quarter = max(1, clips.shape[1] // 4)
    x, y = (place[:, -quarter:].mean(dim=1) - place[:, :quarter].mean(dim=1) for place in (across, down))
    sideways = x.abs() > y.abs()
    way, aside = torch.where(sideways, x, y), torch.where(sideways, y, x).abs()
    found = torch.where(sideways, 0, 1) + torch.where(way < 0, 2, 0)  # in the order right, down, left, up
    moves = (way.abs() >= LEAST) & (aside <= STRAIGHT * way.abs())
    return torch.where(moves, found, -1)
