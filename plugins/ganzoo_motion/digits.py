"""Clips of handwritten digits that move, with a caption."""

from __future__ import annotations

from pathlib import Path
from typing import Final, final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset
from ganzoo_datasets.configs import DigitsConfig
from ganzoo_datasets.counters import uniform
from ganzoo_datasets.digits import DigitsDataset
from ganzoo_motion.digit_options import NAMES, SEEN, SENTENCE, UNSEEN, VOCABULARY, MovingDigitsConfig
from ganzoo_video.configs import DIRECTIONS

TESTS: Final = 1000  # examples of the test, at most
DRAWS: Final = 5  # for each digit
SIDE: Final = 0.5  # of a digit, in sides of the frame
WAY: Final = (0.7, 1.0)  # of the room that there is for the way
HELD_BACK: Final = 5  # every so many drawings of a digit are for the test alone


@final
class MovingDigits(Dataset):
    """Digits of scikit-learn on black, each moving steadily in one direction; (seed, index) determines each clip.

    The test has other pairs of digit and direction, and other drawings of the digits.
    """

    def __init__(self, config: MovingDigitsConfig, root: Path):
        self._config = config
        test = config.split == "test"
        self._first, self._pairs = (config.count, UNSEEN) if test else (0, SEEN)
        side = max(8, round(SIDE * config.size))
        every = DigitsDataset(DigitsConfig(size=side), root)
        read = every.read(torch.arange(len(every)))
        rows = torch.arange(len(every))
        ours = (rows % HELD_BACK == HELD_BACK - 1) == test
        chosen = [torch.nonzero(ours & (read["label"] == digit))[:, 0] for digit in range(len(NAMES))]
        self._counts = torch.tensor([len(each) for each in chosen])
        self._begins = self._counts.cumsum(0) - self._counts
        self._drawings = read["image"][torch.cat(chosen), 0]

    def __len__(self) -> int:
        return self._config.count if self._config.split == "train" else min(TESTS, self._config.count)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``video`` uint8 (B, T, 1, size, size), ``first``, its first frame, ``caption`` and both classes."""
        count, config = len(indices), self._config
        numbers = uniform(config.seed, "moving-digits", indices.numpy() + self._first, DRAWS * config.digits)
        each = torch.from_numpy(numbers).view(count, config.digits, DRAWS)
        pairs = torch.tensor(self._pairs)[(each[..., 0] * len(self._pairs)).long()]  # (B, digits, 2)
        video = torch.zeros(count, config.frames, 1, config.size, config.size, dtype=torch.uint8)
        for place in range(config.digits):
            self._draw(video[:, :, 0], pairs[:, place], each[:, place])
        return {
            "video": video,
            "first": video[:, 0].clone(),
            "caption": _captions(pairs),
            "digit": pairs[:, 0, 0].clone(),
            "direction": pairs[:, 0, 1].clone(),
        }

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the clips."""
        config = self._config
        return (repr((config.size, config.frames, config.digits, config.seed)).encode(),)

    def _draw(self, clips: Tensor, pairs: Tensor, numbers: Tensor) -> None:
        """Draw a digit into each of clips (B, T, size, size); where two overlap, the brighter pixel is seen."""
        (digits, ways), (count, frames, size, _) = pairs.unbind(1), clips.shape
        drawings = self._drawings[self._begins[digits] + (numbers[:, 1] * self._counts[digits]).long()]
        side = drawings.shape[-1]
        across, along, share = numbers[:, 2:].unbind(1)
        way = (size - side) * (WAY[0] + (WAY[1] - WAY[0]) * share)
        begin = (size - side - way) * along
        moving = (begin[:, None] + way[:, None] * torch.linspace(0, 1, frames, dtype=torch.float64)).round().long()
        moving = torch.where((ways >= 2)[:, None], moving.flip(1), moving)  # left and up
        fixed = ((size - side) * across).round().long()[:, None].expand_as(moving)
        sideways = (ways % 2 == 0)[:, None]
        top, left = torch.where(sideways, fixed, moving), torch.where(sideways, moving, fixed)
        rows = (top[..., None] + torch.arange(side))[..., :, None]
        columns = (left[..., None] + torch.arange(side))[..., None, :]
        at = (torch.arange(count)[:, None, None, None], torch.arange(frames)[:, None, None], rows, columns)
        clips[at] = torch.maximum(clips[at], drawings[:, None])


def _captions(pairs: Tensor) -> Tensor:
    """Return the captions (B, L) of pairs (B, digits, 2) of digit and direction: "a six moves left and …"."""
    word = {name: number for number, name in enumerate(VOCABULARY)}
    many = pairs.shape[1]
    captions = torch.full((len(pairs), SENTENCE * many + many - 1), word["and"])
    for place in range(many):
        start = place * (SENTENCE + 1)
        captions[:, start], captions[:, start + 2] = word["a"], word["moves"]
        captions[:, start + 1] = pairs[:, place, 0] + word[NAMES[0]]
        captions[:, start + 3] = pairs[:, place, 1] + word[DIRECTIONS[0]]
    return captions
