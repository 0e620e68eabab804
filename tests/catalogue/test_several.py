"""One text where a declaration has several names: it would be read letter by letter, and is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ganzoo.catalogue import Component, Field
from ganzoo.catalogue.options import Config, DataConfig, option
from ganzoo.contract.conditioner import Conditioner
from ganzoo.contract.field_values import FieldValues
from ganzoo.contract.recipe import Phase, Recipe


@dataclass(frozen=True)
class Betas(Config):
    """Options whose default is a text."""

    betas: tuple[str, ...] = option("ab", "several names")  # type: ignore[arg-type]


def component() -> object:
    faults = Component(kind="loss", name="odd", summary="odd", target="a:B", config=Betas).faults()
    raise TypeError(" ".join(faults))


DECLARED: dict[str, Callable[[], object]] = {
    "trains of phase 'critic' … ('critic',)": lambda: Phase("critic", "critic", loss=print),  # type: ignore[arg-type]
    "sites of Odd … frozenset({'block'})": lambda: type("Odd", (Conditioner,), {"sites": "block"}),
    "inputs of Odd … ('.png',)": lambda: type("Odd", (FieldValues,), {"inputs": ".png"}),
    "averaged of Odd … ('generator',)": lambda: type("Odd", (Recipe,), {"averaged": "generator"}),
    "counted_by of Odd … ('count',)": lambda: type("Odd", (DataConfig,), {"counted_by": "count"}),
    "names of a field … ('cat',)": lambda: Field("class", classes=3, names="cat"),  # type: ignore[arg-type]
    "the default of 'betas' … ('ab',)": component,
}


@pytest.mark.parametrize("said", DECLARED)
def test_a_text_in_place_of_several_names_is_refused(said: str) -> None:
    what, form = said.split(" … ")
    with pytest.raises(TypeError) as refused:
        DECLARED[said]()
    assert f"{what} must be names in a tuple, and a text is read letter by letter: write {form}" in str(refused.value)


def test_names_in_a_tuple_are_taken() -> None:
    assert Phase("critic", ("critic",), loss=print).trains == ("critic",)  # type: ignore[arg-type]
    assert Field("class", classes=1, names=("cat",)).names == ("cat",)
    assert type("Sound", (Conditioner,), {"sites": frozenset({"block"})}).sites == {"block"}  # type: ignore[attr-defined]
