"""Classes and objects of a program as components: which may fill which slot, and what they imply."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import SelectedParts
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.local import own_objects
from ganzoo.catalogue.selection import recipe_slots
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.latent import Latent
from ganzoo.contract.metric import Aim, Metric
from ganzoo.contract.optimization import Progress, Schedule
from ganzoo.contract.penalty import Penalty
from ganzoo.errors import UserError
from ganzoo.own.adopt import adopt, adopt_metrics
from ganzoo.plugin import Conditioner, Config, Field, Initialiser, Loss, Need, option
from ganzoo.randomness import Draws
from ganzoo.testing.own_parts import LabelledGenerator, OwnHinge, convolutional_generator

SLOTS = recipe_slots(installed(), installed().variant("cgan"))


def adopted(**given: Any) -> Any:
    return adopt(installed(), SLOTS, {name.replace("_", "-"): value for name, value in given.items()})


def chosen(variant: str = "gan", flags: Mapping[str, Any] | None = None, **given: Any) -> Any:
    found = adopted(**given)
    return select(found.registry, variant, {**found.implied, **(flags or {}), **found.names})


def built(slot: str, given: Any, flags: Mapping[str, Any] | None = None, **context: Any) -> Any:
    selection = chosen("gan", flags, **{slot: given})
    assert selection.parts[slot].provider.package == LOCAL
    return SelectedParts(selection.parts).build(slot, **context)


@dataclass(frozen=True)
class Margin(Config):
    margin: float = option(1.0, "distance that is enough", low=0)


class Optioned(OwnHinge):
    Config = Margin

    def __init__(self, config: Margin):
        super().__init__(config.margin)


class Flat(Penalty):
    def forward(self, discriminator: Any, real: Tensor, fake: Tensor, draws: Draws) -> Mapping[str, Tensor]:
        return {}


class Ones(Latent):
    shape = (4,)

    def draw(self, count: int, draws: Draws) -> Tensor:
        return torch.ones(count, 4)


class Halves(Schedule):
    def factor(self, progress: Progress) -> float:
        return 0.5


class Zeros(Initialiser):
    def __call__(self, network: nn.Module) -> None:
        for parameter in network.parameters():
            nn.init.zeros_(parameter)


CONTRACT: dict[str, type] = {"loss": OwnHinge, "penalty": Flat, "latent": Ones, "generator_schedule": Halves}


@pytest.mark.parametrize(("slot", "kind"), CONTRACT.items(), ids=CONTRACT)
def test_a_class_is_built_and_an_object_is_used_as_it_is(slot: str, kind: type) -> None:
    name = slot.replace("_", "-")
    assert isinstance(SelectedParts(chosen(**{slot: kind}).parts).build(name), kind)
    given = kind()
    found = SelectedParts(chosen(**{slot: given}).parts).build(name)
    assert isinstance(found, kind)
    assert (found is given) == (not isinstance(given, nn.Module)), "a module may have a state, and is copied"


class Counting(Flat):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))


def test_a_module_is_copied_so_that_its_state_is_that_of_one_training() -> None:
    given = Counting()
    selection = chosen(penalty=given)
    copy = SelectedParts(selection.parts).build("penalty")
    assert isinstance(copy, Counting)
    assert copy is not given
    with torch.device("meta"):
        assert SelectedParts(selection.parts).build("penalty").calls.is_meta


def test_a_partial_of_a_class_is_built() -> None:
    assert built("loss", functools.partial(OwnHinge, margin=3.0)).margin == 3.0


def test_a_class_with_options_has_them_as_flags() -> None:
    assert built("loss", Optioned).margin == 1.0
    assert built("loss", Optioned, {"loss-margin": 2.0}).margin == 2.0
    with pytest.raises(UserError, match="option 'margin' of loss 'optioned' must be at least 0"):
        chosen(loss=Optioned, flags={"loss-margin": -1.0})
    with pytest.raises(UserError, match=r"loss 'own-hinge' is a part of this program without options.*functools"):
        chosen(loss=OwnHinge, flags={"loss-margin": 2.0})
    with pytest.raises(UserError, match=r"optimizer 'rm-sprop' .* so 'optimizer-lr' cannot be set"):
        chosen(optimizer=torch.optim.RMSprop, flags={"optimizer-lr": 2.0})


def test_options_of_other_parts_stay() -> None:
    selection = chosen(loss=OwnHinge, flags={"optimizer-lr": 0.5, "latent": "uniform"})
    assert selection.parts["generator-optimizer"].config.lr == 0.5
    assert selection.parts["latent"].component.name == "uniform"


PARAMETERS = [nn.Parameter(torch.zeros(2))]


@pytest.mark.parametrize(
    ("given", "kind", "rate"),
    [
        (torch.optim.RMSprop, torch.optim.RMSprop, 0.01),
        (functools.partial(torch.optim.SGD, lr=0.3), torch.optim.SGD, 0.3),
        (lambda parameters: torch.optim.Adam(parameters, lr=0.7), torch.optim.Adam, 0.7),
    ],
    ids=["class", "partial", "function"],
)
def test_an_optimizer_gets_the_parameters(given: Any, kind: type, rate: float) -> None:
    selection = chosen(generator_optimizer=given)
    optimizer = SelectedParts(selection.parts).build("generator-optimizer", parameters=iter(PARAMETERS))
    assert isinstance(optimizer, kind)
    assert optimizer.param_groups[0]["lr"] == rate
    assert selection.parts["discriminator-optimizer"].component.name == "adam"


def test_a_kind_fills_every_slot_of_it() -> None:
    parts = chosen(optimizer=torch.optim.Adagrad).parts
    assert [parts[f"{phase}-optimizer"].component.name for phase in ("generator", "discriminator")] == ["adagrad"] * 2


def test_two_of_one_name_are_told_apart() -> None:
    parts = chosen(
        generator_optimizer=functools.partial(torch.optim.Adagrad, lr=1.0),
        discriminator_optimizer=functools.partial(torch.optim.Adagrad, lr=2.0),
    ).parts
    for phase, name, rate in (("generator", "adagrad", 1.0), ("discriminator", "adagrad-2", 2.0)):
        slot = f"{phase}-optimizer"
        assert parts[slot].component.name == name
        assert SelectedParts(parts).build(slot, parameters=PARAMETERS).param_groups[0]["lr"] == rate


def test_an_installed_name_keeps_its_meaning() -> None:
    parts = chosen(generator_optimizer=torch.optim.Adam, flags={"discriminator-optimizer": "adam"}).parts
    assert parts["generator-optimizer"].component.name == "own-adam"
    assert parts["discriminator-optimizer"].provider.package == "ganzoo"


def test_what_is_given_twice_is_one_part() -> None:
    parts = chosen(generator_schedule=Halves, discriminator_schedule=Halves).parts
    assert parts["generator-schedule"].component is parts["discriminator-schedule"].component


@pytest.mark.parametrize("given", [[Flat(), "r1"], ("r1", Flat)])
def test_several_penalties_may_be_names_and_objects(given: Any) -> None:
    selection = chosen(penalty=given)
    packages = {name: part.provider.package for name, part in selection.parts.items() if name.startswith("penalty")}
    assert packages == {"penalty-flat": LOCAL, "penalty-r1": "ganzoo"}
    assert own_objects(SLOTS, {"penalty": given}) == {"penalty": given}
    assert not own_objects(SLOTS, {"penalty": ["r1", "r2"]})


def test_an_initialiser_of_a_program() -> None:
    parts = chosen(generator=LabelledGenerator, initialiser=Zeros).parts
    assert parts["generator-initialiser"].component.name == "zeros"


class Doubled(Conditioner):
    def __init__(self, config: Config, shape: Any, condition: Field):
        super().__init__()
        self.out_shape = shape

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        return x * 2


class Particular(Doubled):
    requires = (Need(("site:block",), "choose another network"),)


def test_a_conditioner_needs_a_condition_unless_it_says_otherwise() -> None:
    assert chosen(conditioner=Doubled).parts["generator-conditioner"].component.requires[0].any_of == ("condition",)
    assert chosen(conditioner=Particular).parts["generator-conditioner"].component.requires == Particular.requires


IMPLIED: list[tuple[Any, str, str]] = [
    (LabelledGenerator, "in-network", "normal"),
    (LabelledGenerator(), "in-network", "as-given"),
    (convolutional_generator(), "no-labels", "as-given"),
]


@pytest.mark.parametrize(("given", "conditioner", "initialiser"), IMPLIED)
def test_a_network_brings_its_labels_and_an_object_its_weights(given: Any, conditioner: str, initialiser: str) -> None:
    parts = chosen("dcgan", generator=given, flags={"conditioner": "multiply"}).parts
    assert parts["generator-conditioner"].component.name == conditioner
    assert parts["generator-initialiser"].component.name == initialiser
    assert parts["discriminator-conditioner"].component.name == "multiply"
    assert parts["discriminator-initialiser"].component.name == "normal"


def test_what_was_named_for_that_slot_wins() -> None:
    flags = {"generator-initialiser": "xavier"}
    parts = chosen(generator=convolutional_generator(), flags=flags).parts
    assert parts["generator-initialiser"].component.name == "xavier"


class Halfway(Loss):
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return real


class Stored(Dataset):
    def __len__(self) -> int:
        return 1

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        return {}


REFUSED: dict[str, tuple[str, Any, str]] = {
    "a number": ("loss", 5, r"loss=int is no loss: .* ganzoo\.plugin\.Loss"),
    "another kind": ("penalty", OwnHinge, r"penalty=OwnHinge is no penalty"),
    "half a class": ("loss", Halfway, "loss=Halfway has no generator, which every Loss needs"),
    "a conditioner": ("conditioner", Doubled(Config(), (2,), Field("point", (2,))), "subclass of .*Conditioner"),
    "an optimizer": (
        "optimizer",
        torch.optim.Adam(PARAMETERS),
        r"optimizer=Adam has parameters already: give its class, or functools\.partial\(torch\.optim\.Adam, lr=…\)",
    ),
    "no function": ("optimizer", 5, "optimizer=int is no optimizer"),
    "no module": ("generator", OwnHinge(), "generator=OwnHinge is no generator: give a name, or a torch module"),
    "a function": (
        "discriminator",
        convolutional_generator,
        r"discriminator=convolutional_generator is a function: give what it returns, .*convolutional_generator\(\)",
    ),
    "a function of losses": ("loss", lambda: 0, "loss=<lambda> is a function: give what it returns"),
    "data without a spec": ("dataset", Stored, r"dataset=Stored needs an attribute Config: .*DataConfig"),
}


@pytest.mark.parametrize(("slot", "given", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_fill_a_slot_is_refused(slot: str, given: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        adopted(**{slot: given})


def test_an_optimizer_function_that_returns_something_else_is_named() -> None:
    with pytest.raises(
        UserError, match=r"optimizer 'lambda' .*of package local fails: .*returns list, not a torch Opt"
    ):
        built("generator-optimizer", lambda parameters: parameters, parameters=PARAMETERS)


class Mean(Metric):
    figures: ClassVar[Mapping[str, Aim]] = {"mean": "neither"}
    judged = False

    def measure(self, generated: Any, real: Any, context: Any) -> Mapping[str, float]:
        return {"mean": float(generated.values.mean())}


def test_metrics_of_a_program_stand_beside_others() -> None:
    registry, names = adopt_metrics(installed(), ["frechet", Mean, Mean()])
    assert names == ("frechet", "mean", "mean-2")
    assert registry.entry("metric", "mean").provider.package == LOCAL
