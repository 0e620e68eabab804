"""The heads in a training: who is trained by which term, and what their weights and statistics mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe, resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.check import check, needs_condition
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.options import make
from ganzoo.contract.head import Head, HeadInput
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import Refused
from ganzoo.randomness import FreshDraws, KeyedStreams
from ganzoo.testing.selections import NETWORKS, choose, diagonal, one_of_each, variants_with
from ganzoo_heads.codes import Codes
from ganzoo_heads.configs import ClassifierConfig, CodesConfig

WIDTH, EXAMPLES = 6, 8
LATENT = Codes(CodesConfig(size=4, categories=(3,), numbers=2))
HEADS = [name for name in installed().names("head") if name != "none"]
SMALL = {"generator_widths": (8, 4), "discriminator_widths": (4, 6)}
SYSTEMS: dict[str, tuple[str, dict[str, object]]] = {
    "classifier": ("acgan", {**SMALL}),
    "code": ("infogan", {**SMALL}),
    "d2d-ce": ("acgan", {**SMALL, "head": "d2d-ce"}),
}


def head_of(name: str, **options: object) -> Head:
    component = installed().component("head", name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = make(component.config, options, name)
        head: Head = resolve(component)(config, WIDTH, Field("class", classes=3), LATENT)
    return head.train()


def inputs(seed: int) -> HeadInput:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(EXAMPLES, WIDTH, generator=generator)
    classes = torch.randint(3, (EXAMPLES,), generator=generator)
    return HeadInput(features, classes, LATENT.draw(EXAMPLES, FreshDraws(generator)))


def recipe_of(name: str) -> Any:
    variant, system = SYSTEMS[name]
    selection = choose(variant, precision="fp32", device="cpu", **system)
    return build_recipe(selection, check(selection)).train()


def terms(recipe: Recipe, phase: str) -> dict[str, Tensor]:
    streams = KeyedStreams(0)
    streams.begin(0)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(EXAMPLES, 1, 8, 8, generator=generator) * 2 - 1
    batch = {"dataset": {"image": images, "label": torch.arange(EXAMPLES) % 3}}
    (found,) = (one for one in recipe.phases() if one.name == phase)
    return dict(found.loss(batch, StepContext(0, 10, phase, 0, streams)).terms)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_head_is_trained_in_the_phase_of_the_discriminator_and_reaches_the_generator(name: str) -> None:
    recipe = recipe_of(name)
    phases = {phase.name: phase for phase in recipe.phases()}
    assert "head" in phases["discriminator"].trains and phases["generator"].trains == ("generator",)
    of_discriminator = terms(recipe, "discriminator")
    own = sum(term for key, term in of_discriminator.items() if key != "adversarial")
    for part in ("head", "discriminator"):  # the features learn with the head
        network = recipe.get_submodule(part)
        gradients = torch.autograd.grad(own, list(network.parameters()), retain_graph=True, allow_unused=True)
        assert any(gradient is not None and gradient.any() for gradient in gradients)
    recipe.head.requires_grad_(False)
    recipe.discriminator.requires_grad_(False)
    of_generator = terms(recipe, "generator")
    (reaching,) = (term for key, term in of_generator.items() if key in ("class", "d2d-ce", "code"))
    reaching.backward()
    assert any(p.grad is not None and p.grad.any() for p in recipe.generator.parameters())
    assert all(p.grad is None for p in recipe.head.parameters())


def test_the_mutual_information_reaches_the_generator_through_numbers_too() -> None:
    # Known defect of InfoGAN ports: the term is in the loss of D and Q alone, and G never learns to use its codes.
    recipe = recipe_of("code")
    recipe.discriminator.requires_grad_(False)
    found = terms(recipe, "generator")
    for name in ("code", "style"):
        recipe.zero_grad()
        found[name].backward(retain_graph=True)
        assert any(p.grad is not None and p.grad.any() for p in recipe.generator.parameters())


def test_a_classifier_scores_real_and_fake_examples() -> None:
    # Known defect of ACGAN ports: no class term for fakes in D, or the class of real examples for them.
    head, real, fake = head_of("classifier"), inputs(1), inputs(2)
    found = head.discriminator(real, fake)
    for name, seen in (("class of real", real), ("class of fake", fake)):
        logits = head.get_submodule("layer")(seen.features)
        expected = [row.logsumexp(0) - row[label] for row, label in zip(logits, seen.condition, strict=True)]
        torch.testing.assert_close(found[name], torch.stack(expected))
    assert torch.equal(head.generator(fake)["class"], found["class of fake"])
    assert set(head.statistics(real, fake)) == {"class accuracy of real", "class accuracy of fake"}


@pytest.mark.parametrize(
    ("name", "option", "side", "term"),
    [
        ("classifier", "real_weight", "discriminator", "class of real"),
        ("classifier", "fake_weight", "discriminator", "class of fake"),
        ("classifier", "generator_weight", "generator", "class"),
        ("code", "category_weight", "discriminator", "code"),
        ("code", "category_weight", "generator", "code"),
        ("code", "number_weight", "generator", "style"),
        ("d2d-ce", "weight", "discriminator", "d2d-ce"),
        ("d2d-ce", "weight", "generator", "d2d-ce"),
    ],
)
def test_a_weight_is_a_factor_of_its_term_alone(name: str, option: str, side: str, term: str) -> None:
    def values(weight: float) -> dict[str, Tensor]:
        head = head_of(name, **{option: weight})
        return dict(head.generator(inputs(2)) if side == "generator" else head.discriminator(inputs(1), inputs(2)))

    once, thrice = values(1.0), values(3.0)
    for key in once:
        torch.testing.assert_close(thrice[key], (3.0 if key == term else 1.0) * once[key])


def test_the_accuracy_of_classes_is_reported() -> None:
    recipe = recipe_of("classifier")
    streams = KeyedStreams(0)
    streams.begin(0)
    batch = {"dataset": {"image": torch.zeros(EXAMPLES, 1, 8, 8), "label": torch.arange(EXAMPLES) % 3}}
    values = recipe.discriminate(batch, StepContext(0, 10, "discriminator", 0, streams)).values
    assert 0.0 <= float(values["class accuracy of real"]) <= 1.0
    assert not values["class accuracy of fake"].requires_grad


def test_fields_that_cannot_be_predicted_are_told() -> None:
    fields = {
        "image": Field("image", (1, 8, 8)),
        "label": Field("class", classes=3),
        "caption": Field("tokens", (2,), names=("", "red")),
    }
    data = {"dataset": DataSpec(fields, target="image", condition="label+caption")}
    (problem,) = ClassifierConfig().problems(data)
    assert problem.startswith("predicts classes and attributes, not the field 'caption'")
    assert not list(ClassifierConfig().problems({"dataset": replace(data["dataset"], condition="label")}))


@pytest.mark.parametrize("condition", ["attributes", "label+attributes"])
def test_attributes_and_several_fields_are_predicted(condition: str) -> None:
    flags = {"dataset": "shapes", "dataset_size": 16, "generator_conditioner": "concat", "head": "classifier"}
    assemble(choose("gan", dataset_condition=condition, **flags))


def test_captions_are_refused() -> None:
    flags = {"dataset": "shapes", "dataset_size": 16, "generator_conditioner": "concat", "head": "classifier"}
    with pytest.raises(Refused, match="head 'classifier' needs"):
        assemble(choose("gan", dataset_condition="caption", **flags))


VARIANTS = variants_with("head")
QUICK = diagonal([name for name in one_of_each(*NETWORKS) if name in VARIANTS], HEADS)


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        pytest.param(variant, name, marks=[] if (variant, name) in QUICK else [pytest.mark.long])
        for variant in VARIANTS
        for name in HEADS
    ],
)
def test_every_head_fits_every_variant(variant: str, name: str) -> None:
    flags: dict[str, object] = {"head": name, "latent": "codes", "dataset_size": 16}
    usual = choose(variant, **{**flags, "head": "none"})
    if usual.parts["discriminator-conditioner"].component.name == "none":
        sees = needs_condition(installed().component("head", name))  # then the generator has to be told too
        flags["generator_conditioner"] = "concat" if sees else "none"
    assemble(choose(variant, **flags))
