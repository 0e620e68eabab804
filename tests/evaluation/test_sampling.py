"""Generated examples: example k of a seed is the same, however many are generated together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ganzoo
from ganzoo.catalogue import Field, installed
from ganzoo.contract.field_values import values_of
from ganzoo.contract.recipe import Output, Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.evaluation import sampling
from ganzoo.evaluation.sampling import generate_examples
from ganzoo.randomness import FreshDraws
from ganzoo.testing import selections
from ganzoo.testing.command_lines import ganzoo as answer
from ganzoo.testing.own_parts import QUICK, Labelled, LabelledDiscriminator, LabelledGenerator
from ganzoo.testing.small_systems.systems import SYSTEMS, with_small_systems
from ganzoo.testing.trainers import make_trainer
from ganzoo_images.dropout import NoisyDropout

REGISTRY = with_small_systems()
choose = partial(selections.choose, registry=REGISTRY, device="cpu", precision="fp32")
CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{name: (name, {}) for name in installed().names("variant")},
    **{
        system: (about.variant, about.flags)
        for system, about in SYSTEMS.items()
        if {"generator_conditioner", "conditioner", "latent", "recipe"} & {*about.flags} and not about.starts
    },
    "uniform noise": ("cgan-conv", {"latent": "uniform"}),
}


def pixels(images: Tensor) -> Tensor:
    return ((images + 1) * 127.5).round()


@pytest.fixture
def chunks_of_16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "CHUNK", 16)


def stepped(variant: str, flags: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a training after one step, in evaluation mode."""
    trainer = make_trainer(choose(variant, **{"dataset_size": 16, **flags}))
    trainer.advance()
    return trainer.train_step.recipe.eval()


def conditions_of(field: Field, count: int) -> Tensor:
    """All classes in turn, or random conditions of another type."""
    if field.classes:
        return torch.arange(count) % field.classes
    return values_of(field).trial(count, FreshDraws(torch.Generator().manual_seed(0)))


def has_noise(recipe: Recipe, output: Output) -> bool:
    """Whether examples depend on more than their condition: on a latent, or on dropout in samples.

    What is given an example to edit takes its noise from that example.
    """
    noisy = (module for module in recipe.modules() if isinstance(module, NoisyDropout) and module.rate)
    edits = output.condition is not None and output.values.field in output.condition.field.split("+")
    return (hasattr(recipe, "latent") and not edits) or next(noisy, None) is not None


@pytest.mark.parametrize("case", selections.each_case(CASES, "recipe", "generator"))
@pytest.mark.usefixtures("chunks_of_16")
def test_an_example_does_not_depend_on_how_many_are_generated(case: str) -> None:
    recipe = stepped(*CASES[case])
    for name, output in recipe.outputs.items():
        field = recipe.field(output.condition) if output.condition else None
        conditions = conditions_of(field, 40) if field is not None else None
        whole = generate_examples(recipe, 40, conditions, 3, output=name)
        assert len(whole.flatten(1).unique(dim=0)) > 1
        for count in (1, 2, 16, 23):
            part = generate_examples(recipe, count, None if conditions is None else conditions[:count], 3, output=name)
            assert (pixels(whole[:count]) - pixels(part)).abs().max() <= 1
        other = generate_examples(recipe, 40, conditions, 4, output=name)
        assert torch.equal(whole, other) == (not has_noise(recipe, output))


class Recorded:
    """A recipe in place of another one, which keeps the noise that was drawn."""

    def __init__(self, recipe: Recipe):
        self.noise: list[Tensor] = []
        self._recipe = recipe

    def parameters(self) -> Iterator[Tensor]:
        return self._recipe.parameters()

    def sample(self, request: SampleRequest) -> Tensor:
        latent = self._recipe.latent
        self.noise.append(latent.draw(request.count, request.draws))
        return self.noise[-1]


@pytest.mark.parametrize("latent", REGISTRY.names("latent"))
@pytest.mark.usefixtures("chunks_of_16")
def test_the_noise_of_an_example_is_the_same_to_the_bit(latent: str) -> None:
    drawn = {}
    for count in (1, 16, 40):
        recipe = Recorded(make_trainer(choose("gan", latent=latent)).train_step.recipe)
        generate_examples(recipe, count, None, seed=0)  # type: ignore[arg-type]
        drawn[count] = torch.cat(recipe.noise)
    assert all(torch.equal(noise, drawn[40][:count]) for count, noise in drawn.items())


def test_plain_torch_modules_are_sampled_alike(tmp_path: Path) -> None:
    parts = {"generator": LabelledGenerator, "discriminator": LabelledDiscriminator, "dataset": Labelled()}
    model = ganzoo.load(ganzoo.train("cgan", **parts, **QUICK, out=tmp_path / "run"))
    assert (pixels(model.sample(30, seed=2)[:3]) - pixels(model.sample(3, seed=2))).abs().max() <= 1


@pytest.mark.parametrize("name", ["cgan", "gan", "colour"])
def test_the_command_writes_the_same_images(name: str, trained_models: dict[str, Path], tmp_path: Path) -> None:
    images = {}
    for count in ("1", "64"):
        out = tmp_path / f"{count}.npz"
        assert answer("sample", str(trained_models[name]), "--count", count, "--out", str(out)).status == 0
        images[count] = np.load(out)["images"].astype(int)
    assert np.abs(images["64"][:1] - images["1"]).max() <= 1
    assert np.abs(images["64"][1:] - images["1"]).max() > 1
