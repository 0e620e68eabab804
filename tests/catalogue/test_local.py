"""What parts of a program are called, and which options are objects in place of names."""

from __future__ import annotations

import functools

import pytest

from ganzoo.catalogue import Component, Slot
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.local import name_of, own_objects, unused_name, with_components
from ganzoo.catalogue.registry import lacks_own, part_from_json
from ganzoo.errors import UserError
from ganzoo.testing.toy_registry import TOYS

LOSS = Slot("loss", "loss", "flat")


class HTTPLoss: ...


class own_loss_2: ...  # noqa: N801


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (HTTPLoss, "http-loss"),
        (HTTPLoss(), "http-loss"),
        (own_loss_2, "own-loss-2"),
        (functools.partial(HTTPLoss, 1), "http-loss"),
        (functools.partial(functools.partial(HTTPLoss), 1), "http-loss"),
        (lambda: 0, "lambda"),
        (len, "len"),
    ],
    ids=["class", "object", "lower case", "partial", "partial of a partial", "lambda", "function"],
)
def test_a_part_is_called_like_its_class(given: object, name: str) -> None:
    assert name_of(given) == name


def test_no_name_is_used_twice() -> None:
    assert unused_name("mine", "loss", TOYS, []) == "mine"
    assert unused_name("mine", "loss", TOYS, ["mine", "mine-2"]) == "mine-3"
    assert unused_name("steep", "loss", TOYS, []) == "own-steep"
    assert unused_name("steep", "dataset", TOYS, []) == "steep"


def test_a_part_of_an_earlier_call_may_have_the_name() -> None:
    assert unused_name("mine", "loss", with_components(TOYS, [own("mine")], [], "1"), []) == "mine"


def own(name: str) -> Component:
    return Component(kind="loss", name=name, summary="mine", target=HTTPLoss)


def test_objects_are_told_from_names_and_options() -> None:
    slots = (LOSS, Slot("generator-optimizer", "optimizer", "adam"))
    given = HTTPLoss()
    options = {"loss": given, "generator_optimizer": len, "optimizer": "sgd", "steps": 5, "out": HTTPLoss()}
    assert own_objects(slots, options) == {"loss": given, "generator-optimizer": len}
    assert own_objects(slots, {"loss": None}) == {}


def test_a_part_of_a_program_is_found_by_name_and_package() -> None:
    value = {"name": "steep", "package": LOCAL, "config": {}}
    assert lacks_own(TOYS, LOSS, value)
    with pytest.raises(UserError, match=r"loss 'steep' is no plugin but part of a program.* again as loss=…"):
        part_from_json(TOYS, LOSS, value)
    registry = with_components(TOYS, [own("mine")], [], "1")
    assert not lacks_own(registry, LOSS, {"name": "mine", "package": LOCAL})
    assert not lacks_own(TOYS, LOSS, {"name": "steep", "package": "toy-box"})
    assert not lacks_own(TOYS, LOSS, "damaged")
    part = part_from_json(registry, LOSS, {"name": "mine", "package": LOCAL})
    assert part.component.target is HTTPLoss
    assert part.provider.package == LOCAL
