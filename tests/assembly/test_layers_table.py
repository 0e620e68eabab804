"""``ganzoo info VARIANT --networks``: every layer with the shape that it puts out, and its parameters."""

from __future__ import annotations

import pytest

from ganzoo.assembly.layers_table import layers_of
from ganzoo.catalogue import installed, select
from ganzoo.testing.command_lines import document, ganzoo, problem
from ganzoo.testing.selections import NETWORKS, each_variant


@pytest.mark.parametrize("variant", each_variant(*NETWORKS))
def test_every_parameter_of_a_variant_is_in_a_layer(variant: str) -> None:
    found = layers_of(select(installed(), variant))
    assert {"generator", "discriminator"} <= set(found)
    for layers in found.values():
        assert any(layer.parameters for layer in layers)
        assert all(layer.shape is not None for layer in layers if not layer.parameters)
        assert all(layer.shape is not None for layer in layers if layer.type in ("Linear", "Conv2d", "ConvTranspose2d"))


def test_shapes_and_numbers_are_those_of_the_networks() -> None:
    layers = layers_of(select(installed(), "dcgan"))["generator"]
    told = document("info", "dcgan", "--networks")["generator"]
    assert [tuple(layer["shape"]) for layer in told if layer["shape"]] == [one.shape for one in layers if one.shape]
    assert layers[-1].shape == (1, 16, 16)
    convolutions = [layer.shape[-1] for layer in layers if layer.type == "ConvTranspose2d" and layer.shape]
    assert convolutions == sorted(convolutions) and len(set(convolutions)) > 1


def test_the_table_has_a_row_for_each_layer() -> None:
    answer = ganzoo("info", "cgan", "--networks")
    heads = [line for line in answer.out.splitlines() if line.endswith(" parameters")]
    assert (answer.status, heads) == (0, ["generator: 292,452 parameters", "discriminator: 268,389 parameters"])
    assert "\tLinear\t" in answer.out


def test_what_is_no_variant_has_no_networks() -> None:
    assert "no variant is called 'bce'" in problem("info", "bce", "--networks")
