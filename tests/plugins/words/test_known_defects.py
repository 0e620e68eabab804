"""Defects of circulating code that makes images from text; each test fails where one of them is made."""

from __future__ import annotations

import pytest
import torch

from ganzoo.catalogue import installed, select
from ganzoo.randomness import FreshDraws
from ganzoo_words.code import Augmented
from ganzoo_words.mismatch import wrong_captions
from ganzoo_words.recipe_options import CodeConfig


def draws(seed: int = 0) -> FreshDraws:
    return FreshDraws(torch.Generator().manual_seed(seed))


def augmented(slope: float) -> Augmented:
    torch.manual_seed(0)
    return Augmented(CodeConfig(code_slope=slope, code_size=32), 16)


@pytest.mark.parametrize("slope", [0.2, 1.0])
def test_the_mean_of_an_augmented_text_may_be_negative_and_its_deviation_below_one(slope: float) -> None:
    """StackGAN-Pytorch has a ReLU on both: μ ≥ 0 and σ ≥ 1."""
    mean, logarithm = augmented(slope).layer(torch.randn(64, 16)).chunk(2, dim=1)
    assert mean.min() < 0 < mean.max()
    assert logarithm.exp().min() < 1 < logarithm.exp().max()


def test_the_divergence_is_no_constant_and_reaches_both_mean_and_deviation() -> None:
    """StoryGAN-like code takes the raw input for both, so that the term trains nothing."""
    code = augmented(1.0)
    _, divergence = code(torch.randn(8, 16), draws())
    divergence.sum().backward()
    gradient = code.layer[0].weight.grad
    assert divergence.std() > 1e-3
    assert all(bool(half.abs().sum() > 0) for half in gradient.chunk(2))


def test_the_image_has_a_gradient_to_the_mean() -> None:
    """StackGAN-Pytorch #8: μ is detached in one place."""
    code = augmented(1.0)
    code(torch.randn(8, 16), draws())[0].sum().backward()
    assert all(bool(half.abs().sum() > 0) for half in code.layer[0].weight.grad.chunk(2))


@pytest.mark.parametrize("seed", range(20))
def test_a_wrong_caption_never_says_the_same_and_is_never_of_the_same_class(seed: int) -> None:
    """StackGAN-Pytorch takes the batch shifted by one, which may share class or caption."""
    captions = torch.tensor([[1], [1], [1], [2], [2], [3]])
    labels = torch.tensor([0, 0, 0, 0, 0, 1])
    numbers, exists = wrong_captions(captions, None, draws(seed))
    assert exists.all() and bool((captions[numbers] != captions).all())
    numbers, exists = wrong_captions(captions, labels, draws(seed))
    assert exists.all() and bool((labels[numbers] != labels).all())


def test_wrong_captions_are_spread_over_all_that_differ() -> None:
    captions = torch.arange(5)[:, None]
    found = {int(wrong_captions(captions, None, draws(seed))[0][0]) for seed in range(60)}
    assert found == {1, 2, 3, 4}


@pytest.mark.parametrize("variant", ["text2image", "stackgan"])
@pytest.mark.parametrize("preset", ["default", "published"])
def test_the_term_of_wrong_pairs_is_there_and_counts_one_half(variant: str, preset: str) -> None:
    """GAN-CLS in circulation leaves it out, or gives it the weight of the real pairs."""
    recipe = select(installed(), variant, preset=preset).parts["recipe"].config
    assert recipe.mismatched == 0.5  # type: ignore[attr-defined]
