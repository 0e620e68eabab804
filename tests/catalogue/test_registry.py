"""The registry: order, lookup, and suggestions for unknown names."""

from __future__ import annotations

import pytest

from ganzoo.catalogue import installed
from ganzoo.errors import UserError

ENTRIES = list(installed())


def test_the_registry_lists_in_the_order_of_kinds_and_names() -> None:
    found = [(list(installed().kinds).index(entry.item.kind), entry.item.name) for entry in ENTRIES]
    assert found == sorted(found)
    assert [entry.item.name for entry in ENTRIES if entry.item.kind == "loss"] == list(installed().names("loss"))


def test_an_unknown_name_suggests_the_nearest_and_tells_what_there_is() -> None:
    losses = ", ".join(installed().names("loss"))
    with pytest.raises(UserError) as caught:
        installed().entry("loss", "hing")
    assert str(caught.value) == f"no loss is called 'hing'; did you mean 'hinge'? Installed: {losses}"


def test_an_unknown_kind_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no kind is called 'los'; did you mean 'loss'\? Kinds: variant, recipe"):
        installed().names("los")


def test_a_name_of_two_kinds_is_found_twice() -> None:
    assert {entry.item.kind for entry in installed().find("mlp")} == {"generator", "discriminator"}
    with pytest.raises(UserError, match=r"nothing is called 'mpl'; did you mean 'mlp'\?"):
        installed().find("mpl")
