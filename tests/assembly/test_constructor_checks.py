"""What a constructor left out is told with what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from ganzoo.assembly.constructor_checks import base_called, refuse_unfinished
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.contract.recipe import FieldRef, Phase, Recipe
from ganzoo.contract.sampling import SampleRequest

DATA = {"dataset": DataSpec({"point": Field("point", (2,)), "label": Field("class", classes=3)}, "point", "label")}
POINT, LABEL = FieldRef("dataset", "point"), FieldRef("dataset", "label")


class Odd(Recipe):
    """A recipe whose constructor is a function of the test's choice."""

    def __init__(self, construct: Callable[[Any], None]):
        construct(self)

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def sample(self, request: SampleRequest) -> Tensor:
        raise NotImplementedError


def constructed(**attributes: Any) -> Callable[[Any], None]:
    def construct(recipe: Any) -> None:
        Recipe.__init__(recipe, DATA)
        for name, value in attributes.items():
            setattr(recipe, name, value)

    return construct


KNOWN = r"the data has \('dataset', 'label'\), \('dataset', 'point'\)"


@pytest.mark.parametrize(
    ("construct", "words"),
    [
        (nn.Module.__init__, r"does not call super\(\).__init__\(data\)"),
        (lambda recipe: None, r"does not call super\(\).__init__\(data\)"),
        (constructed(), rf"must set output to the FieldRef\(slot, field\) that sample\(\) generates, .* None; {KNOWN}"),
        (constructed(output="point"), rf"must set output to the FieldRef.* not to 'point'; {KNOWN}"),
        (constructed(output=FieldRef("dataset", "image")), "must set output to the FieldRef"),
        (constructed(output=POINT, condition="label"), rf"its condition must be the FieldRef.* not 'label'; {KNOWN}"),
    ],
)
def test_an_unfinished_recipe_is_refused(construct: Callable[[Any], None], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        refuse_unfinished(Odd(construct))


@pytest.mark.parametrize("construct", [lambda recipe: setattr(recipe, "layer", nn.Linear(1, 1)), Recipe.__init__])
def test_a_constructor_begins_with_that_of_its_base(construct: Callable[[Any], None]) -> None:
    with pytest.raises(TypeError, match=r"its __init__ must begin with super\(\).__init__\(data\)"), base_called(Odd):
        Odd(construct)


@pytest.mark.parametrize("condition", [None, LABEL])
def test_a_finished_recipe_is_not(condition: FieldRef | None) -> None:
    refuse_unfinished(Odd(constructed(output=POINT, condition=condition)))
