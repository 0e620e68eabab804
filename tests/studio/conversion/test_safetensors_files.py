"""Safetensors files of other programs: their tensors, their order, and damage of all kinds."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest
import safetensors.torch
import torch

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.studio.conversion.pickles import Unreadable
from ganzoo.studio.conversion.tensors import View
from ganzoo.testing.foreign_checkpoints import (
    Conversions,
    TutorialDiscriminator,
    TutorialGenerator,
    lived,
    renamed,
    same_numbers,
)


def file(header: Any, payload: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + payload


@pytest.mark.parametrize("metadata", [None, {"format": "pt", "config": "{}"}], ids=["plain", "with metadata"])
def test_a_plain_file_becomes_a_model(metadata: dict[str, str] | None, conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    done = conversions.convert(safetensors.torch.save(generator.state_dict(), metadata))
    assert same_numbers(conversions, generator)
    assert (done.initial, done.unread) == (["discriminator"], ())


def test_several_networks_in_one_file_and_half_precision(conversions: Conversions) -> None:
    generator, discriminator = lived(TutorialGenerator()).half(), lived(TutorialDiscriminator()).bfloat16()
    both = {f"netG.module.{name}": value for name, value in generator.state_dict().items()}
    both |= {f"netD.{name}": value for name, value in discriminator.state_dict().items()}
    done = conversions.convert(safetensors.torch.save(both))
    assert list(done.assigned) == ["generator", "discriminator"]
    assert same_numbers(conversions, generator.float())
    assert torch.equal(conversions.state("discriminator")["output.weight"], discriminator.float().score.weight)


def test_layers_are_in_the_order_of_their_numbers(conversions: Conversions) -> None:
    """Such files sort their tensors by letters: 10 is before 3."""
    chosen = select(installed(), "gan", {"dataset": "mnist", "latent-size": 8, "generator-widths": [8] * 12})
    network = lived(build_recipe(chosen, check(chosen)).get_submodule("generator"))
    done = conversions.convert(safetensors.torch.save(renamed(network.state_dict())), selection=chosen)
    assert not done.assigned["generator"].mapping.by_name
    assert same_numbers(conversions, network)


def test_shapes_decide_where_the_order_is_lost(conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    letters = dict(zip(("0", "1", "3", "4", "6", "7", "9"), "hgfedcb", strict=True))
    state = {}
    for name, value in generator.state_dict().items():
        _, layer, role = name.split(".")
        state[f"{letters[layer]}.{role}"] = value
    done = conversions.convert(safetensors.torch.save(state))
    assert done.assigned["generator"].mapping.how == "by the shapes of the layers"
    assert same_numbers(conversions, generator)


def test_a_model_of_ganzoo_is_such_a_file(conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    conversions.convert(generator.state_dict())
    done = conversions.convert(conversions.out.read_bytes())
    assert done.assigned["generator"].mapping.by_name
    assert same_numbers(conversions, generator)


def test_a_dtype_that_no_network_has_is_named() -> None:
    tensors = {"weight": torch.ones(2), "b": torch.ones(4, dtype=torch.float8_e4m3fn)}
    read = read_checkpoint(safetensors.torch.save(tensors))
    assert read.unread == ("F8_E4M3",)
    assert read.value["weight"].read().tolist() == [1, 1]


SOUND = safetensors.torch.save({"a.weight": torch.ones(2, 3), "a.bias": torch.ones(2)})
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
LIES: dict[str, bytes] = {
    "no header": struct.pack("<Q", 2) + b"{",
    "no JSON": file(b"{a}"),
    "a list": struct.pack("<Q", 4) + b"{]  ",
    "brackets without end": file(b"{" + b'"a":[' * 100_000),
    "brackets in brackets": file(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "letters that are none": file(b'{"\xff":1}'),
    "a name twice": file(b'{"a":1,"a":1}'),
    "a tensor that is a number": file({"a": 1}),
    "nothing about a tensor": file({"a": {}}),
    "a size below zero": file({"a": {**ENTRY, "shape": [-2]}}, bytes(8)),
    "a size that is true": file({"a": {**ENTRY, "shape": [True, 2]}}, bytes(8)),
    "a size that is a fraction": file({"a": {**ENTRY, "shape": [2.0]}}, bytes(8)),
    "sizes that overflow": file({"a": {**ENTRY, "shape": [2**40, 2**40]}}, bytes(8)),
    "a thousand sizes": file({"a": {**ENTRY, "shape": [1] * 1000}}, bytes(8)),
    "another size": file({"a": {**ENTRY, "shape": [3]}}, bytes(8)),
    "a span beyond the end": file({"a": {**ENTRY, "data_offsets": [8, 16]}}, bytes(8)),
    "a span backwards": file({"a": {**ENTRY, "shape": [0], "data_offsets": [8, 0]}}, bytes(8)),
    "three offsets": file({"a": {**ENTRY, "data_offsets": [0, 4, 8]}}, bytes(8)),
    "a dtype that is a number": file({"a": {**ENTRY, "dtype": 3}}, bytes(8)),
    "a long dtype": file({"a": {**ENTRY, "dtype": "F" * 1000}}, bytes(8)),
    "tensors on each other": file({"a": ENTRY, "b": ENTRY}, bytes(8)),
    "a hole": file({"a": ENTRY, "b": {**ENTRY, "data_offsets": [16, 24]}}, bytes(24)),
    "more than the tensors": SOUND + b"\0",
    "digits without end": file(b'{"a":' + b"9" * 10_000 + b"}"),
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_lies_are_seen(content: bytes) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        read_checkpoint(content)


def test_a_file_that_was_cut_anywhere_is_refused(conversions: Conversions) -> None:
    for size in range(len(SOUND)):
        with pytest.raises(Unreadable):
            read_checkpoint(SOUND[:size])
    assert "damaged" in conversions.refused(SOUND[:-1])


def test_damage_is_refused_or_harmless() -> None:
    for seed in range(3000):
        chance = random.Random(seed)
        made = bytearray(SOUND)
        for _ in range(chance.randint(1, 4)):
            made[chance.randrange(len(made))] = chance.randrange(256)
        try:
            value = read_checkpoint(bytes(made)).value
        except Unreadable:
            continue
        views = [view for view in value.values() if isinstance(view, View)]
        assert sum(view.read().nbytes for view in views) <= len(SOUND)
