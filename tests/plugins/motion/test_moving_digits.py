"""Moving digits: the truth of captions, and what is held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.contract.field_values import values_of
from ganzoo_motion.digit_options import NAMES, PAIRS, SEEN, UNSEEN, MovingDigitsConfig
from ganzoo_motion.digits import MovingDigits
from ganzoo_video.configs import DIRECTIONS

NOWHERE = Path("nowhere")


def read(count: int = 100, **options: Any) -> dict[str, Tensor]:
    return MovingDigits(MovingDigitsConfig(count=count, **options), NOWHERE).read(torch.arange(count))


@pytest.mark.parametrize("options", [{}, {"digits": 2}, {"size": 17, "frames": 3}, {"size": 40, "frames": 20}])
@pytest.mark.parametrize("split", ["train", "test"])
def test_it_delivers_what_the_spec_says(options: dict[str, Any], split: str) -> None:
    config = MovingDigitsConfig(count=4, split=split, **options)  # type: ignore[arg-type]
    fields, spec = MovingDigits(config, NOWHERE).read(torch.arange(4)), config.spec(NOWHERE)
    assert {name: tuple(values.shape[1:]) for name, values in fields.items()} == {
        name: field.shape for name, field in spec.fields.items()
    }
    assert torch.equal(fields["first"], fields["video"][:, 0])
    alone = MovingDigits(config, NOWHERE).read(torch.tensor([2]))
    assert all(torch.equal(alone[name], values[2:3]) for name, values in fields.items())


def test_the_centre_of_light_moves_as_the_caption_says() -> None:
    fields = read(200, size=32)
    light = fields["video"][:, :, 0].double()
    places = torch.arange(32.0, dtype=torch.float64)
    across, down = ((light.sum(axis) * places).sum(2) / light.sum((2, 3)) for axis in (2, 3))
    way = torch.stack([across[:, -1] - across[:, 0], down[:, -1] - down[:, 0]], dim=1)
    signs = torch.tensor([(1, 0), (0, 1), (-1, 0), (0, -1)], dtype=torch.float64)[fields["direction"]]
    assert torch.allclose(way * (1 - signs.abs()), torch.zeros_like(way))
    assert (way * signs).sum(1).min() > 0.6 * 16
    # The shape stays: moved back, every frame is the first one.
    assert torch.allclose(light.sum((2, 3)), light.sum((2, 3))[:, :1].expand(-1, 8))


def test_the_caption_names_both_digits_and_their_ways() -> None:
    fields = read(digits=2)
    values = values_of(MovingDigitsConfig(digits=2).spec(NOWHERE).fields["caption"])
    for row in range(20):
        words = values.word(fields["caption"][row]).split()
        assert (words[1], words[3]) == (NAMES[fields["digit"][row]], DIRECTIONS[fields["direction"][row]])
        assert [words[place] for place in (0, 2, 4, 5, 7)] == ["a", "moves", "and", "a", "moves"]
        assert torch.equal(values.read(" ".join(words)), fields["caption"][row])


class TestHeldOut:
    def test_every_digit_and_every_direction_is_seen_but_not_every_pair(self) -> None:
        assert len(SEEN) + len(UNSEEN) == len(PAIRS) == 40
        assert {digit for digit, _ in SEEN} == {*range(10)}
        assert [sum(way == number for _, way in UNSEEN) for number in range(4)] == [2, 2, 2, 2]

    @pytest.mark.parametrize("digits", [1, 2])
    def test_no_pair_of_the_test_is_in_the_training(self, digits: int) -> None:
        found = {}
        for split in ("train", "test"):
            fields = read(600, split=split, digits=digits, size=16, frames=2)
            found[split] = {*zip(fields["digit"].tolist(), fields["direction"].tolist(), strict=True)}
        assert found == {"train": {*SEEN}, "test": {*UNSEEN}}
