"""Text encoders, wrong captions, codes, and the loss that matches images and captions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganzoo.catalogue import Field, installed
from ganzoo.randomness import FreshDraws
from ganzoo.testing.stand_ins import resolve_target
from ganzoo_words.captions import VOCABULARY
from ganzoo_words.code import CODES, Augmented
from ganzoo_words.matching import Matching
from ganzoo_words.mismatch import wrong_captions
from ganzoo_words.recipe_options import TextToImageConfig
from ganzoo_words.replicated import Replicated

CAPTION = Field("tokens", (6,), names=VOCABULARY)
ENCODERS = installed().names("text-encoder")


def draws(seed: int = 0) -> FreshDraws:
    return FreshDraws(torch.Generator().manual_seed(seed))


def encoder(name: str, **options: Any) -> Any:
    component = installed().component("text-encoder", name)
    torch.manual_seed(0)
    return resolve_target(str(component.target))(component.config(**options), CAPTION)


@pytest.mark.parametrize("name", ENCODERS)
class TestEveryEncoder:
    def test_its_vectors_have_a_mean_square_of_one(self, name: str) -> None:
        captions = torch.randint(1, len(VOCABULARY), (5, 6))
        vectors = encoder(name, size=24)(captions)
        assert vectors.shape == (5, 24)
        assert torch.allclose(vectors.square().mean(1), torch.ones(5), atol=1e-3)

    def test_padding_and_other_captions_change_nothing(self, name: str) -> None:
        text = encoder(name)
        short = torch.tensor([[3, 5]])
        padded = torch.tensor([[3, 5, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6]])
        assert torch.allclose(text(short)[0], text(padded)[0], atol=1e-6)

    def test_an_empty_caption_is_no_error(self, name: str) -> None:
        vectors = encoder(name)(torch.zeros(2, 6, dtype=torch.int64))
        assert bool(vectors.isfinite().all())

    def test_every_word_can_be_learnt(self, name: str) -> None:
        text = encoder(name)
        text(torch.tensor([[1, 2, 3, 4, 5, 6]])).square().flatten()[:7].sum().backward()
        assert all(parameter.grad is not None for parameter in text.parameters())


def test_only_the_recurrent_encoder_sees_the_order_of_words() -> None:
    captions = torch.tensor([[1, 3, 11, 0, 0, 0], [11, 3, 1, 0, 0, 0]])
    bag, gru = (encoder(name)(captions) for name in ("bag-of-words", "gru"))
    assert torch.allclose(bag[0], bag[1], atol=1e-6)
    assert not torch.allclose(gru[0], gru[1], atol=1e-2)


class TestCodes:
    @pytest.mark.parametrize("name", CODES)
    def test_it_has_the_size_that_it_says(self, name: str) -> None:
        code = CODES[name](TextToImageConfig(code_size=10), 16)
        values, divergence = code(torch.randn(4, 16), draws())
        assert values.shape == (4, code.size)
        assert divergence.shape == (4,)
        assert code.size == (16 if name == "text" else 10)

    def test_an_augmented_code_is_drawn_from_the_normal_that_its_layer_says(self) -> None:
        code = Augmented(TextToImageConfig(code_size=3), 5)
        text = torch.randn(1, 5)
        mean, logarithm = code.layer(text)[0].chunk(2)
        values, divergence = code(text.expand(20_000, 5), draws())
        assert torch.allclose(values.mean(0), mean, atol=0.03)
        assert torch.allclose(values.std(0), logarithm.exp(), atol=0.03)
        own = torch.distributions.Normal(mean, logarithm.exp())
        expected = torch.distributions.kl_divergence(own, torch.distributions.Normal(0.0, 1.0)).mean()
        assert torch.allclose(divergence, expected.expand(20_000), atol=1e-5)


class TestMatching:
    def test_its_loss_is_the_margin_of_each_pair_by_hand(self) -> None:
        matching = Matching(Field("point", (2,)), 2, margin=1.0)
        matching.images = torch.nn.Identity()
        images = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        text, captions = torch.eye(2)[[0, 1, 0]], torch.tensor([[1], [2], [1]])
        loss, retrieved = matching(images, text, captions)
        score = images @ text.T / 2**0.5
        pairs = [(i, j) for i in range(3) for j in range(3) if captions[i] != captions[j]]
        expected = sum(
            max(0.0, float(1 + score[i, j] - score[i, i])) + max(0.0, float(1 + score[i, j] - score[j, j]))
            for i, j in pairs
        )
        assert float(loss) == pytest.approx(expected / len(pairs))
        assert float(retrieved) == 1.0

    def test_a_batch_of_one_caption_has_nothing_to_tell_apart(self) -> None:
        matching = Matching(Field("image", (1, 8, 8)), 4, margin=1.0)
        loss, _ = matching(torch.randn(3, 1, 8, 8), torch.randn(3, 4), torch.ones(3, 2, dtype=torch.int64))
        assert float(loss) == 0.0


def test_where_a_batch_has_no_other_caption_it_says_so() -> None:
    _, exists = wrong_captions(torch.ones(4, 3, dtype=torch.int64), None, draws())
    assert not exists.any()
    _, exists = wrong_captions(torch.tensor([[1], [1], [2]]), None, draws())
    assert exists.all()


@pytest.mark.parametrize("shape", [(4, 3, 5), (7,)])
def test_a_replicated_condition_keeps_the_shape_of_its_site(shape: tuple[int, ...]) -> None:
    config = installed().component("conditioner", "replicated").config(size=6)
    layer = Replicated(config, shape, Field("vector", (9,)))  # type: ignore[arg-type]
    x, condition = torch.randn(2, *shape), torch.randn(2, 9)
    assert layer(x, condition).shape == x.shape
    assert not torch.allclose(layer(x, condition), layer(x, condition.flip(0)))
