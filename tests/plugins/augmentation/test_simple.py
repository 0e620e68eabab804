"""Mirrored images, and the policies of DiffAugment, by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue.options import make
from ganzoo.errors import Refused
from ganzoo.randomness import Draws, FreshDraws
from ganzoo.testing.told import Told
from ganzoo_augmentation.configs import DiffAugmentConfig, MirrorConfig
from ganzoo_augmentation.simple import DiffAugment, Mirror

MANY = 4000


def draws() -> Draws:
    return FreshDraws(torch.Generator().manual_seed(0))


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.5, 1.0])
def test_a_share_of_the_images_is_mirrored(probability: float) -> None:
    x = images(MANY, 1, 2, 3)
    found = Mirror(MirrorConfig(probability=probability))(x, draws())
    is_mirrored = (found == x.flip(-1)).flatten(1).all(1)
    assert (is_mirrored | (found == x).flatten(1).all(1)).all()
    assert float(is_mirrored.float().mean()) == pytest.approx(probability, abs=0.03)


def test_colour_by_hand() -> None:
    x = images(1, 3, 4, 5)
    found = DiffAugment(DiffAugmentConfig(policy=("color",)))(x, Told(0.9, 0.7, 0.2))
    expected = x + 0.4
    grey = expected.mean(1, keepdim=True)
    expected = (expected - grey) * 1.4 + grey
    middle = expected.mean()
    torch.testing.assert_close(found, (expected - middle) * 0.7 + middle)


def test_grey_images_have_no_saturation() -> None:
    x = images(1, 1, 4, 5)
    grey, colourful = (
        DiffAugment(DiffAugmentConfig(policy=("color",)))(x, Told(0.5, share, 0.5)) for share in (0, 0.9)
    )
    torch.testing.assert_close(grey, colourful)
    torch.testing.assert_close(grey, x)


def test_translation_by_hand() -> None:
    x = images(1, 2, 16, 8)  # at most 2 rows and 1 column
    found = DiffAugment(DiffAugmentConfig(policy=("translation",)))(x, Told(4, 0))
    assert torch.equal(found[:, :, 2:, :-1], x[:, :, :-2, 1:])
    assert not found[:, :, :2].any() and not found[..., -1].any()
    assert torch.equal(DiffAugment(DiffAugmentConfig(policy=("translation",)))(x, Told(2, 1)), x)


def test_translations_are_as_frequent_in_every_direction() -> None:
    x = torch.zeros(MANY, 1, 9, 9)
    x[:, 0, 4, 4] = 1
    found = DiffAugment(DiffAugmentConfig(policy=("translation",)))(x, draws()).mean(0)[0]
    assert torch.equal(found.nonzero().min(0).values, torch.tensor([3, 3]))
    assert torch.equal(found.nonzero().max(0).values, torch.tensor([5, 5]))
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    assert found[3:6, 3:6].sub(1 / 9).abs().max() < 0.03


def test_cutout_by_hand() -> None:
    x = torch.ones(1, 3, 8, 6)  # a hole of 4 rows and 3 columns
    found = DiffAugment(DiffAugmentConfig(policy=("cutout",)))(x, Told(8, 0))
    expected = torch.ones(8, 6)
    expected[6:, :2] = 0  # its centre is below the image, in the first column
    assert torch.equal(found, expected.expand(1, 3, 8, 6))


def test_a_hole_is_anywhere_and_of_half_the_size() -> None:
    found = DiffAugment(DiffAugmentConfig(policy=("cutout",)))(torch.ones(MANY, 1, 8, 6), draws())
    missing = (1 - found).flatten(1).sum(1)
    assert float(missing.max()) == 12 and float(missing.min()) > 0
    assert (found.mean(0) < 0.95).all()


def test_what_is_not_in_the_policy_does_not_happen() -> None:
    x = torch.ones(64, 1, 8, 8)
    assert set(DiffAugment(DiffAugmentConfig(policy=("translation", "cutout")))(x, draws()).unique().tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"policy": ()}, "names nothing"),
        ({"policy": "cutout,cutout"}, "names something twice"),
        ({"policy": "colour"}, "color"),
    ],
)
def test_a_policy_has_known_words_once(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((Refused, ValueError), match=sentence):
        make(DiffAugmentConfig, options, "diffaugment")
