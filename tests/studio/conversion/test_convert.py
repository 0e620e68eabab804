"""Checkpoints of other people's code: what comes out of sound ones, to the bit."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.working_state import model_state
from ganzoo.storage.model_file import read_model
from ganzoo.testing.foreign_checkpoints import (
    WIDTH,
    Conversions,
    TutorialDiscriminator,
    TutorialGenerator,
    Z,
    lived,
    renamed,
    same_numbers,
    saved,
    selected,
    trained_checkpoint,
)
from ganzoo.testing.selections import NETWORKS, each_variant


def test_samples_of_a_multi_gpu_checkpoint_are_those_of_its_own_network(zipped: bool, conversions: Conversions) -> None:
    generator, discriminator, checkpoint = trained_checkpoint()
    done = conversions.convert(checkpoint, zipped)
    assert list(done.assigned) == ["generator", "discriminator"]
    assert [taken.candidate.name for taken in done.assigned.values()] == [
        "g_model_state_dict.module.main",
        "d_model_state_dict.module",
    ]
    assert (list(done.initial), done.unused) == ([], ["epoch", "g_optimizer_state_dict", "losses", "device"])
    stored = read_model(conversions.out, installed())
    recipe, header = stored.recipe, stored.header
    z, images = torch.randn(9, Z), torch.randn(5, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(recipe.get_submodule("generator")(z, None), generator(z[:, :, None, None]))
        assert torch.equal(recipe.get_submodule("discriminator")(images, None).logit, discriminator(images))
    assert header.trained["steps"] == 0
    assert header.trained["converted"] == {
        "file": "old.pkl",
        "sha256": hashlib.sha256(conversions.old.read_bytes()).hexdigest(),
        "networks": ["generator", "discriminator"],
    }


def test_the_model_is_one_like_any_other(conversions: Conversions) -> None:
    _, _, checkpoint = trained_checkpoint()
    conversions.convert(checkpoint, True)
    made = ganzoo.sample(conversions.out, 3, seed=5)
    assert made.shape == (3, 3, 32, 32)
    again = Conversions(conversions.old.parent)
    again.out = conversions.out.with_name("again.safetensors")
    again.convert(checkpoint, True)
    assert again.out.read_bytes() == conversions.out.read_bytes()
    assert torch.equal(ganzoo.sample(again.out, 3, seed=5), made)


PLACES: dict[str, Callable[[Mapping[str, Tensor]], Any]] = {
    "alone": lambda state: state,
    "in a dict": lambda state: {"generator": state},
    "deep": lambda state: {"a": [{"b": ({"c": {"netG": state}},)}], "step": 3},
    "a plain dict": dict,
    "with module": lambda state: {f"module.{name}": value for name, value in state.items()},
    "with _orig_mod.module": lambda state: {f"_orig_mod.module.{name}": value for name, value in state.items()},
    "in one dict of several networks": lambda state: {
        **{f"netD.{name}": value for name, value in TutorialDiscriminator().state_dict().items()},
        **{f"netG.{name}": value for name, value in state.items()},
        "step": torch.tensor(3),
    },
    "as parameters": lambda state: {
        name: nn.Parameter(value) if value.is_floating_point() else value for name, value in state.items()
    },
    "beside a copy in the same memory": lambda state: {"one": state, "two": OrderedDict(state)},
    "without counters": lambda state: {name: value for name, value in state.items() if "num_batches" not in name},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_generator_is_found_wherever_it_is(place: Callable[[Any], Any], conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    done = conversions.convert(place(generator.state_dict()), False)
    assert "generator" in done.assigned
    assert same_numbers(conversions, generator)


def test_a_counter_that_the_file_has_not_is_zero_and_told(conversions: Conversions) -> None:
    state = lived(TutorialGenerator()).state_dict()
    done = conversions.convert({name: value for name, value in state.items() if "num_batches" not in name})
    assert len(done.assigned["generator"].mapping.zeros) == 3
    assert {int(value) for name, value in conversions.state().items() if "num_batches" in name} == {0}
    conversions.convert(state)
    assert {int(value) for name, value in conversions.state().items() if "num_batches" in name} == {41}


def test_what_the_file_has_not_stays_as_it_begins(conversions: Conversions) -> None:
    done = conversions.convert(lived(TutorialGenerator()).state_dict())
    assert list(done.initial) == ["discriminator"]
    first = conversions.state("discriminator")
    conversions.convert(TutorialGenerator().state_dict())
    assert all(map(torch.equal, first.values(), conversions.state("discriminator").values()))
    conversions.convert(TutorialGenerator().state_dict(), selection=selected(seed=1))
    assert not torch.equal(first["output.weight"], conversions.state("discriminator")["output.weight"])


def test_our_own_names_decide_before_the_order_does(conversions: Conversions) -> None:
    conversions.convert(lived(TutorialGenerator()).state_dict())
    ours = conversions.state()
    shuffled = dict(sorted(ours.items(), key=lambda item: item[0][::-1]))
    assert list(shuffled) != list(ours)
    done = conversions.convert({"netG": shuffled}, True)
    assert done.assigned["generator"].mapping.by_name
    assert all(torch.equal(value, ours[name]) for name, value in conversions.state().items())


@pytest.mark.parametrize("told", ["float16", "bfloat16", "float64"])
def test_other_numbers_become_float32_and_are_told(told: str, conversions: Conversions) -> None:
    dtype = getattr(torch, told)
    generator = lived(TutorialGenerator()).to(dtype)
    done = conversions.convert({"g": generator.state_dict()}, False)
    assert done.assigned["generator"].cast == (told,)
    assert same_numbers(conversions, generator.float())
    assert all(value.dtype in (torch.float32, torch.int64) for value in conversions.state().values())


@pytest.mark.parametrize(
    ("stored", "dtype", "counter"),
    [(41, "float16", 41), (2048, "float16", 2048), (41, "bfloat16", 41), (100_000, "float32", 100_000),
     (100_000, "float16", 0), (2.5, "float32", 0), (-1, "float16", 0), (41, "int32", 41), (41, "complex64", 0)],
)  # fmt: skip
def test_a_counter_may_have_any_dtype(stored: float, dtype: str, counter: int, conversions: Conversions) -> None:
    """Half precision makes a large counter infinite; it is zero then, as one that the file lacks."""
    generator = lived(TutorialGenerator())
    number = torch.tensor(stored).to(getattr(torch, dtype))
    state = {name: number if "num_" in name else value.half() for name, value in generator.state_dict().items()}
    done = conversions.convert({"g": state})
    assert same_numbers(conversions, generator.half().float())
    assert {int(value) for name, value in conversions.state().items() if "num_batches" in name} == {counter}
    assert len(done.assigned["generator"].mapping.zeros) == (0 if counter else 3)


def test_tensors_that_share_memory_and_views_of_any_strides(zipped: bool, conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    state = generator.state_dict()
    for name, value in state.items():
        if value.dim() == 4:
            state[name] = value.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)
            assert not state[name].is_contiguous()
        elif value.dim() == 1:
            state[name] = torch.stack([value, -value], 1).flatten()[::2]
    together = torch.cat([state["main.1.bias"], state["main.1.weight"]])
    state["main.1.bias"], state["main.1.weight"] = together[: WIDTH * 4], together[WIDTH * 4 :]
    conversions.convert(state, zipped)
    assert same_numbers(conversions, generator)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_every_protocol_that_torch_save_takes(protocol: int, zipped: bool, conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    torch.save(
        {"g": generator.state_dict()}, conversions.old, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped
    )
    conversions.convert(conversions.old.read_bytes())
    assert same_numbers(conversions, generator)


def test_numbers_of_a_machine_with_the_other_order_of_bytes(conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    old, new = zipfile.ZipFile(io.BytesIO(saved(generator.state_dict()))), io.BytesIO()
    sizes = {str(place): value.element_size() for place, value in enumerate(generator.state_dict().values())}
    with zipfile.ZipFile(new, "w") as made:
        for name in old.namelist():
            raw = old.read(name)
            if name.startswith("archive/data/"):
                raw = np.frombuffer(raw, f"u{sizes[name.rpartition('/')[2]]}").byteswap().tobytes()
            made.writestr(name, b"big" if name.endswith("byteorder") else raw)
    conversions.convert(new.getvalue())
    assert same_numbers(conversions, generator)


@pytest.mark.parametrize("variant", each_variant(*NETWORKS))
def test_every_variant_can_be_converted_to(variant: str, conversions: Conversions) -> None:
    chosen = select(installed(), variant)
    recipe = build_recipe(chosen, check(chosen))
    networks = {
        name: lived(network) for name, network in recipe.named_children() if model_state(nn.ModuleDict({name: network}))
    }
    initials = Counter(name[0] for name in networks)
    names = {name: f"net{name[0].upper()}" if initials[name[0]] == 1 else name for name in networks}
    foreign = {names[name]: renamed(network.state_dict()) for name, network in networks.items()}
    # Two networks of equal shapes and similar names are for the user to tell apart.
    take = {name: f"{name}.layer0" for name in networks if name.endswith("code") and initials["r"] > 1}
    if take:
        take["code"] = "netC.layer0"
    done = conversions.convert(foreign, True, chosen, take=take)
    assert set(done.assigned) == set(networks)
    assert not any(taken.mapping.by_name for taken in done.assigned.values())
    for name, network in networks.items():
        assert all(map(torch.equal, conversions.state(name).values(), network.state_dict().values()))
