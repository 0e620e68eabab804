"""Checkpoints that do not fit: what is reported, and which option would make them fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.errors import UserError
from ganzoo.studio.conversion.assignment import assign
from ganzoo.studio.conversion.candidates import networks_in
from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.testing.foreign_checkpoints import (
    Conversions,
    TutorialDiscriminator,
    TutorialGenerator,
    lived,
    renamed,
    same_numbers,
    saved,
)

# What does not fit


def test_the_options_that_would_make_it_fit_are_told_and_do(conversions: Conversions) -> None:
    generator = lived(TutorialGenerator(z=33, width=6))
    discriminator = TutorialDiscriminator(width=5)
    both = {"g": generator.state_dict(), "d": discriminator.state_dict()}
    told = conversions.refused(both, selection=select(installed(), "dcgan", {"dataset": "cifar10"}))
    assert "'0.weight' of the file is (33, 24, 4, 4)" in told
    assert "'layers.0.0.weight' is (100, 256, 4, 4)" in told
    flags = told.split("it fits with ")[1].split()
    asked = {name.removeprefix("--"): value for name, value in zip(flags[::2], flags[1::2], strict=True)}
    assert asked == {"latent-size": "33", "generator-width": "6", "discriminator-width": "5"}
    conversions.convert(both, selection=select(installed(), "dcgan", {"dataset": "cifar10", **asked}))
    assert same_numbers(conversions, generator)


def test_the_widths_of_fully_connected_layers_are_told(conversions: Conversions) -> None:
    chosen = select(installed(), "gan", {"dataset": "mnist", "generator-widths": "48,96", "latent-size": 30})
    state = build_recipe(chosen, check(chosen)).get_submodule("generator").state_dict()
    told = conversions.refused(renamed(state), selection=select(installed(), "gan", {"dataset": "mnist"}))
    assert "--generator-widths 48,96" in told
    assert "--latent-size 30" in told


def without(word: str) -> dict[str, Tensor]:
    return {name: value for name, value in TutorialGenerator().state_dict().items() if word not in name}


MISFITS: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "nothing": (dict, ("has no network",)),
    "numbers only": (lambda: {"epoch": 3, "loss": 0.5}, ("has no network",)),
    "a tensor": (lambda: torch.ones(3), ("has no network",)),
    "averages": (lambda: {"state": {0: {"exp_avg": torch.ones(3)}}}, ("has no network",)),
    "a discriminator": (lambda: TutorialDiscriminator().state_dict(), ("does not fit the generator",)),
    "biases": (
        lambda: TutorialGenerator(bias=True).state_dict(),
        ("'layers.0.0' has weight (20, 16, 4, 4)", "bias (16,)"),
    ),
    "a layer more": (
        lambda: {**TutorialGenerator().state_dict(), "more.weight": torch.ones(1, 3, 4, 4)},
        ("'more.weight' of the file is in a layer (weight (1, 3, 4, 4)) that the network lacks",),
    ),
    "part of a generator": (
        lambda: {"netG": {**TutorialGenerator().state_dict(), "more.weight": torch.ones(1, 3, 4, 4)}},
        ("'more.weight'",),
    ),
    "a layer less": (lambda: without("main.9"), ("'output.0' has weight (4, 3, 4, 4)", "only 6 layers")),
    "no running means": (
        lambda: without("running"),
        ("'layers.0.1' has weight (16,), bias (16,), running_mean (16,)",),
    ),
    "whole numbers": (
        lambda: {name: value.long() for name, value in TutorialGenerator().state_dict().items()},
        ("torch.float32", "torch.int64"),
    ),
    "another discriminator": (
        lambda: {"netG": TutorialGenerator().state_dict(), "netD": TutorialDiscriminator(width=9).state_dict()},
        ("does not fit the discriminator", "--discriminator-width 9", "--take discriminator=none"),
    ),
    "two generators": (
        lambda: {"ema": TutorialGenerator().state_dict(), "live": TutorialGenerator().state_dict()},
        ("several parts", "'ema.main', 'live.main'", "--take generator="),
    ),
    "two generators that say so": (
        lambda: {"G_A": TutorialGenerator().state_dict(), "G_B": TutorialGenerator().state_dict()},
        ("several parts", "--take generator="),
    ),
    "NaN": (lambda: {name: value * float("nan") for name, value in without("num_").items()}, ("not finite",)),
    "larger than float32": (
        lambda: {name: value.double() + 1e300 for name, value in without("num_").items()},
        ("not finite",),
    ),
}


@pytest.mark.parametrize(("made", "words"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_told(made: Callable[[], Any], words: tuple[str, ...], conversions: Conversions) -> None:
    told = conversions.refused(made())
    assert [word for word in words if word not in told] == []


def test_one_of_several_can_be_asked_for(conversions: Conversions) -> None:
    one, other = lived(TutorialGenerator()), TutorialGenerator()
    both = {"ema": one.state_dict(), "live": other.state_dict()}
    for name, network in (("ema", one), ("live.main", other)):
        conversions.convert(both, take={"generator": name})
        assert same_numbers(conversions, network)


def test_a_word_decides_where_shapes_do_not(conversions: Conversions) -> None:
    one, other = lived(TutorialGenerator()), TutorialGenerator()
    done = conversions.convert({"reference": other.state_dict(), "netG_state": one.state_dict()})
    assert done.assigned["generator"].candidate.name == "netG_state.main"
    assert same_numbers(conversions, one)


def test_names_that_look_alike_hide_no_tensor() -> None:
    names = ("weight", ".weight", "weight.", "a.weight", ".a.weight", "a..weight", "0.weight", "0")
    tensors = {name: torch.ones(number) for number, name in enumerate(names)}
    (whole, *_) = networks_in(read_checkpoint(saved({**tensors, 0: torch.ones(9)})).value)
    assert [view.shape for view in whole.tensors.values()] == [(number,) for number in range(len(names))]


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(2, 3), nn.BatchNorm1d(3)


def test_no_tensor_becomes_two_networks() -> None:
    found = networks_in(read_checkpoint(saved({"one": Tiny().state_dict(), "two": Tiny().state_dict()})).value)
    networks = {"there": Tiny(), "back": Tiny()}
    made = assign(networks, found, {"there": "two"})
    assert {name: taken.candidate.name for name, taken in made.assigned.items()} == {"there": "two", "back": "one"}
    with pytest.raises(UserError, match="no part 'one' for the back"):
        assign(networks, found, {"there": "one", "back": "one"})


@pytest.mark.parametrize(
    ("take", "words"),
    [
        ({"generator": "none"}, ("a model needs its generator",)),
        ({"generatr": "x"}, ("did you mean 'generator'",)),
        ({"generator": "x"}, ("no part 'x'", "'main'")),
        ({"discriminator": "main"}, ("no part 'main' for the discriminator",)),
    ],
)
def test_what_cannot_be_taken_is_told(
    take: Mapping[str, str], words: tuple[str, ...], conversions: Conversions
) -> None:
    told = conversions.refused(TutorialGenerator().state_dict(), take=take)
    assert [word for word in words if word not in told] == []


def test_a_part_that_fits_and_has_no_telling_name_is_offered(conversions: Conversions) -> None:
    network = lived(TutorialGenerator())
    averaged = torch.optim.swa_utils.AveragedModel(network).state_dict()
    assert "--take generator='module.main'" in conversions.refused(averaged)
    done = conversions.convert(averaged, take={"generator": "module.main"})
    assert same_numbers(conversions, network)
    assert done.unused == ["n_averaged"]


def test_numbers_that_stand_for_their_negatives_are_refused(zipped: bool, conversions: Conversions) -> None:
    state = TutorialGenerator().state_dict()
    state["main.0.weight"] = torch.zeros(state["main.0.weight"].shape, dtype=torch.cfloat).conj().imag
    assert "torch.resolve_neg" in conversions.refused(state, zipped)
    conversions.convert({name: value.resolve_neg() for name, value in state.items()}, zipped)


def test_a_network_can_be_left_out(conversions: Conversions) -> None:
    both = {"netG": TutorialGenerator().state_dict(), "netD": TutorialDiscriminator(width=9).state_dict()}
    done = conversions.convert(both, take={"discriminator": "none"})
    assert (list(done.assigned), list(done.initial), done.unused) == (["generator"], ["discriminator"], ["netD"])
