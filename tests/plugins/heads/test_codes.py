"""Noise with codes: what is drawn, placed and read."""

from __future__ import annotations

import pytest
import torch

from ganzoo.randomness import FreshDraws
from ganzoo_heads.codes import CodeHead, Codes
from ganzoo_heads.configs import CodeHeadConfig, CodesConfig

COUNT = 400


def drawn(latent: Codes, count: int = COUNT) -> torch.Tensor:
    return latent.draw(count, FreshDraws(torch.Generator().manual_seed(0)))


def test_codes_are_uniform() -> None:
    latent = Codes(CodesConfig(size=2, categories=(4,), numbers=2))
    z = drawn(latent, 4000)
    assert z.shape == (4000, 8)
    one_hot = z[:, 2:6]
    assert one_hot.unique().tolist() == [0.0, 1.0] and (one_hot.sum(1) == 1).all()
    assert one_hot.mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.03)
    for numbers in (z[:, :2], z[:, 6:]):  # uniform noise, and the continuous codes
        assert numbers.abs().max() <= 1 and numbers.var().item() == pytest.approx(1 / 3, abs=0.03)


def test_noise_may_be_normal() -> None:
    noise = drawn(Codes(CodesConfig(size=8, noise="normal", categories=(4,), numbers=0)))[:, :8]
    assert noise.var().item() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("categories", "numbers", "names"),
    [((10,), 2, ["code", "style"]), ((3, 5), 1, ["code1", "code2", "style"]), ((3,), 0, ["code"]), ((), 3, ["style"])],
)
def test_what_is_placed_is_read_and_nothing_else_moves(
    categories: tuple[int, ...], numbers: int, names: list[str]
) -> None:
    latent = Codes(CodesConfig(size=4, categories=categories, numbers=numbers))
    assert list(latent.controls) == names
    z, other = drawn(latent), latent.draw(COUNT, FreshDraws(torch.Generator().manual_seed(1)))
    assert torch.equal(latent.place(z, latent.read(z)), z)
    for name in names:
        chosen = {name: latent.read(other)[name]}
        placed = latent.place(z, chosen)
        read, before = latent.read(placed), latent.read(z)
        assert torch.equal(read[name], chosen[name])
        assert all(torch.equal(read[rest], before[rest]) for rest in names if rest != name)
        assert torch.equal(placed[:, :4], z[:, :4])


def test_there_is_a_code() -> None:
    with pytest.raises(ValueError, match="leave no code"):
        CodesConfig(categories=(), numbers=0)


@pytest.mark.parametrize(("learnt", "width"), [(False, 3 + 5 + 2), (True, 3 + 5 + 4)])
def test_every_code_is_predicted(learnt: bool, width: int) -> None:
    latent = Codes(CodesConfig(size=4, categories=(3, 5), numbers=2))
    head = CodeHead(CodeHeadConfig(learnt_deviation=learnt), 6, None, latent)
    assert head.output.out_features == width
    outputs = head(torch.zeros(7, 6))
    assert {name: value.shape[1] for name, value in outputs.items()} == {"code1": 3, "code2": 5, "style": width - 8}


def test_without_a_hidden_layer_the_head_is_linear() -> None:
    head = CodeHead(CodeHeadConfig(width=0), 6, None, Codes(CodesConfig()))
    assert [name for name, _ in head.named_parameters()] == ["output.weight", "output.bias"]
