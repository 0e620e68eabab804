"""What holds for every augmentation of images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.catalogue.options import make
from ganzoo.contract.augmentation import Augmentation
from ganzoo.contract.sampling import SampleRequest
from ganzoo.errors import Refused
from ganzoo.randomness import Draws, FreshDraws, Share
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import make_trainer

STRONG: dict[str, dict[str, Any]] = {
    "none": {},
    "mirror": {},
    "diffaugment": {},
    "ada": {"p": 0.8, "target": "none", "cutout": 0.5},
}
STILL: dict[str, dict[str, Any]] = {
    "none": {},
    "mirror": {"probability": 0},
    "ada": {"p": 0, "cutout": 1},
}
SHAPES = [(1, 8, 8), (3, 6, 10), (4, 7, 5)]

each = pytest.mark.parametrize("name", installed().names("augmentation"))
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def augmentation(name: str, **options: Any) -> Augmentation:
    component = installed().component("augmentation", name)
    built = resolve(component)(make(component.config, options, name))
    assert isinstance(built, Augmentation)
    return built


def images(shape: tuple[int, ...], count: int = 8) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def draws(share: Share | None = None, seed: int = 0) -> Draws:
    generator = torch.Generator().manual_seed(seed)
    return FreshDraws(generator, share=share) if share else FreshDraws(generator)


def test_every_augmentation_is_tested_here() -> None:
    assert set(STRONG) == set(installed().names("augmentation"))


@each
@each_shape
def test_images_stay_images_of_any_size_and_finite(name: str, shape: tuple[int, ...]) -> None:
    x = images(shape, 64)
    found = augmentation(name, **STRONG[name])(x, draws())
    assert found.shape == x.shape and found.dtype == x.dtype
    assert torch.isfinite(found).all()
    assert torch.equal(x, images(shape, 64)), "it changes what it is given"
    assert torch.equal(found, x) == (name == "none")


@each
@each_shape
def test_a_gradient_reaches_the_image_and_is_finite(name: str, shape: tuple[int, ...]) -> None:
    x = images(shape, 64).requires_grad_()
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((augmentation(name, **STRONG[name])(x, draws()) * weights).sum(), x)
    assert torch.isfinite(gradient).all()
    assert (gradient.flatten(1).norm(dim=1) > 0).float().mean() > 0.9  # but where all was cut out


@each
def test_the_gradient_is_that_of_the_values(name: str) -> None:
    x = images((4, 3, 3), 2).double().requires_grad_()
    part = augmentation(name, **STRONG[name])
    assert torch.autograd.gradcheck(lambda value: part(value, draws()), x)


@each
def test_an_image_does_not_depend_on_how_its_batch_is_divided(name: str) -> None:
    x, part = images((3, 8, 8)), augmentation(name, **STRONG[name])
    whole = part(x, draws())
    parts = [part(chunk, draws(Share(index, 4))) for index, chunk in enumerate(x.chunk(4))]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)


@each
def test_equal_draws_give_equal_images_and_others_do_not(name: str) -> None:
    x, part = images((3, 8, 8)), augmentation(name, **STRONG[name])
    assert torch.equal(part(x, draws()), part(x, draws()))
    assert torch.equal(part(x, draws()), part(x, draws(seed=1))) == (name == "none")


@pytest.mark.parametrize("name", STILL)
@each_shape
def test_probability_zero_leaves_every_bit(name: str, shape: tuple[int, ...]) -> None:
    x = images(shape, 64)
    assert torch.equal(augmentation(name, **STILL[name])(x, draws()), x)


@each
def test_autocast_changes_no_image(name: str) -> None:
    x, part = images((3, 8, 8)), augmentation(name, **STRONG[name])
    with torch.autocast("cpu", torch.bfloat16):
        found = part(x, draws())
    assert torch.equal(found, part(x, draws()))


@each
def test_alpha_keeps_its_values(name: str) -> None:
    """Changes of place move alpha with the image, and changes of colour leave it alone."""
    x = images((4, 8, 8), 32)
    x[:, 3] = 1.0
    options = {"diffaugment": {"policy": "color"}, "ada": {**STRONG["ada"], "cutout": 0}}.get(name, {})
    found = augmentation(name, **options)(x, draws())
    torch.testing.assert_close(found[:, 3], x[:, 3], rtol=0, atol=1e-6)


@each
@pytest.mark.parametrize("dataset", ["ring", "moving-discs"])
def test_points_and_videos_are_refused_with_a_sentence(name: str, dataset: str) -> None:
    chosen = select(installed(), "gan", {"dataset": dataset, "augmentation": name})
    if name == "none":
        check(chosen)
        return
    with pytest.raises(Refused, match=f"augmentation '{name}' needs images, which dataset '{dataset}' does not offer"):
        check(chosen)


def test_a_trained_generator_is_not_augmented() -> None:
    """Samples are those of the averaged generator, whatever the augmentation does."""
    trainer = make_trainer(choose("gan", augmentation="ada", augmentation_p=1.0, augmentation_target="none", steps=2))
    recipe: Any = trainer.train_step.recipe
    calls: list[int] = []
    recipe.augmentation.register_forward_hook(lambda *_: calls.append(1))
    trainer.advance()
    assert calls
    calls.clear()
    request = SampleRequest(4, None, FreshDraws(torch.Generator().manual_seed(0)))
    with torch.no_grad():
        samples = recipe.sample(request)
        z = recipe.latent.draw(4, FreshDraws(torch.Generator().manual_seed(0)))
        assert torch.equal(samples, recipe.generator(z, None))
    assert not calls
