"""What stands beside the weights, or around them: it is never made, and no reason to refuse a checkpoint."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import logging
import pathlib
import random
import re
import sys
import types
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.testing.foreign_checkpoints import (
    Conversions,
    TutorialDiscriminator,
    TutorialGenerator,
    Z,
    lived,
    same_numbers,
    saved,
)


class Mode(enum.Enum):
    TRAIN = "train"


class Flag(enum.IntFlag):
    ONE = 1


class AttributeDict(dict[str, Any]):
    """A dict whose items are attributes, as easydict and Lightning have."""

    def __init__(self, **items: Any):
        super().__init__(**items)
        self.__dict__.update(items)


class Ordered(collections.OrderedDict[str, Tensor]):
    """A class of a state dict."""


class Node:
    """A config object whose parts know what they are in, as OmegaConf has."""

    def __init__(self, parent: Node | None, **content: Any):
        self.parent, self.content = parent, content


class Slots:
    __slots__ = ("more", "state")

    def __init__(self, state: Any):
        self.state, self.more = state, 3


class Arguments:
    """A class whose pickle has arguments with names."""

    def __init__(self, *, state: Any):
        self.state = state

    def __getnewargs_ex__(self) -> tuple[tuple[int], dict[str, int]]:
        return (1,), {"two": 2}

    def __new__(cls, *_: Any, **__: Any) -> Arguments:
        return super().__new__(cls)


@dataclasses.dataclass
class Config:
    width: int = 3
    mode: Mode = Mode.TRAIN


Point = collections.namedtuple("Point", ["generator", "step"])


def config() -> Node:
    root = Node(None, name="run")
    root.content["model"] = Node(root, width=3, dtype=torch.float16, path=Path("a"))
    return root


def optimizer() -> torch.optim.Optimizer:
    network = nn.Linear(2, 3)
    made = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    made.step()
    return made


BESIDE: dict[str, Callable[[], Any]] = {
    "a path": lambda: pathlib.Path("runs/a"),
    "a pure path": lambda: pathlib.PureWindowsPath("runs"),
    "a dtype": lambda: torch.float16,
    "a device": lambda: torch.device("cuda:0"),
    "a namespace": lambda: argparse.Namespace(lr=1e-3, device=torch.device("cpu"), out=Path("a")),
    "a simple namespace": lambda: types.SimpleNamespace(lr=1e-3),
    "a config with cycles": config,
    "a dict with attributes": lambda: AttributeDict(lr=1e-3, inner=AttributeDict(a=[1, 2])),
    "a dataclass": Config,
    "an enum": lambda: {Mode.TRAIN: Mode.TRAIN, "flag": Flag.ONE},
    "a numpy scalar": lambda: [np.float64(0.5), np.int32(3), np.bool_(True)],
    "a numpy array": lambda: {"a": np.ones((3, 2)), "objects": np.array([None, "a"], dtype=object)},
    "states of random numbers": lambda: {
        "torch": torch.get_rng_state(),
        "numpy": np.random.RandomState(0).get_state(),
        "generator": np.random.default_rng(0),
        "python": random.Random(0).getstate(),
        "random": random.Random(0),
    },
    "a date": lambda: [datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(3)],
    "a counter": lambda: collections.Counter("abca"),
    "a default dict": lambda: collections.defaultdict(list, {"a": [1]}),
    "a default dict of a function": lambda: collections.defaultdict(config, {"a": 1}),
    "a deque": lambda: collections.deque([1, 2.5], maxlen=4),
    "a set": lambda: [{1, 2}, {"a"}, set()],
    "a frozen set": lambda: {frozenset({1, 2}): frozenset()},
    "a size": lambda: {torch.Size([1, 2]): torch.Size([3])},
    "a named tuple": lambda: Point(1, 2),
    "a range and a slice": lambda: [range(3), slice(1, 2), ...],
    "numbers": lambda: [1j, decimal.Decimal("1.5"), fractions.Fraction(1, 3), 2**100, -(2**70), float("inf")],
    "keys of all kinds": lambda: {(1, ("a", 2)): 1, True: 2, None: 3, 1.5: 4, b"a": 5, 2**90: 6, Path("a"): 7, int: 8},
    "bytes": lambda: [b"a", bytearray(b"b")],
    "a universal identifier": lambda: uuid.UUID(int=3),
    "a pattern": lambda: re.compile("a+"),
    "a logger": lambda: logging.getLogger("a"),
    "a level of the log": lambda: logging.LogRecord("a", 1, "b", 2, "c", None, None),
    "functions": lambda: [config, print, torch.nn.functional.relu, nn.ReLU, len, str.upper],
    "an exception": lambda: ValueError("a"),
    "an object with slots": lambda: Slots([1]),
    "an object with named arguments": lambda: Arguments(state=3),
    "an optimizer": optimizer,
    "the state of an optimizer": lambda: optimizer().state_dict(),
    "a schedule": lambda: torch.optim.lr_scheduler.StepLR(optimizer(), 3).state_dict(),
    "a schedule of milestones": lambda: torch.optim.lr_scheduler.MultiStepLR(optimizer(), [3, 5]).state_dict(),
    "a whole schedule": lambda: torch.optim.lr_scheduler.StepLR(optimizer(), 3),
    "a gradient scaler": lambda: torch.amp.GradScaler("cpu").state_dict(),
    "a whole module": lambda: nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU()),
    "a module's function": lambda: nn.ReLU().forward,
    "a loss": nn.BCEWithLogitsLoss,
    "tensors of other kinds": lambda: [
        torch.eye(3).to_sparse(),
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2, dtype=torch.complex128).conj(),
        torch.ones(2, dtype=torch.uint16),
        torch.ones(2, dtype=torch.float8_e4m3fn),
        torch.ones(2, device="meta"),
        torch.ones(2).requires_grad_(),
        torch.ones(2, dtype=torch.cfloat).conj().imag,
    ],
    "a storage": lambda: [torch.ones(2).untyped_storage(), torch.ones(2).storage()],
    "a tensor with attributes": lambda: attributes_of(torch.ones(2)),
    "losses": lambda: [(step, {"loss": [0.5] * 3}) for step in range(20_000)],
    "an empty dict": dict,
    "long names": lambda: {"a" * 300: {"weight": torch.ones(2)}, "b" * 300: torch.ones(1)},
    "deep": lambda: deep({"weight": torch.ones(2)}),
    "many tensors": lambda: [{"input": torch.ones(1)}] * 60_000,
}


def attributes_of(value: Tensor) -> Tensor:
    value.tag = "a"  # type: ignore[attr-defined]
    return value


def deep(value: Any) -> Any:
    for _ in range(40):
        value = {"inner": [value]}
    return value


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_what_stands_beside_the_weights_is_no_reason_to_refuse(beside: Callable[[], Any], zipped: bool) -> None:
    state = nn.Linear(2, 3).state_dict()
    content = saved({"before": beside(), "netG": state, "after": [beside()]}, zipped)
    read = read_checkpoint(content).value["netG"]
    assert {name: view.read().tolist() for name, view in read.items()} == {
        name: value.tolist() for name, value in state.items()
    }


def test_a_network_is_converted_with_everything_beside_it(zipped: bool, conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    others = {name: beside() for name, beside in BESIDE.items() if name != "many tensors"}
    before = set(sys.modules)
    conversions.convert({"before": others, "netG": generator.state_dict(), "after": others}, zipped)
    assert same_numbers(conversions, generator)
    assert not {name for name in set(sys.modules) - before if "canary" in name}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_stands_beside_may_have_any_protocol(protocol: int, conversions: Conversions) -> None:
    generator = lived(TutorialGenerator())
    others = {name: beside() for name, beside in BESIDE.items() if name != "many tensors"}
    torch.save({"more": others, "netG": generator.state_dict()}, conversions.old, pickle_protocol=protocol)
    conversions.convert(conversions.old.read_bytes())
    assert same_numbers(conversions, generator)


AROUND: dict[str, Callable[[TutorialGenerator], Any]] = {
    "a class of a state dict": lambda network: Ordered(network.state_dict()),
    "a dict with attributes": lambda network: AttributeDict(netG=network.state_dict(), lr=1e-3),
    "a default dict": lambda network: collections.defaultdict(dict, {"netG": network.state_dict()}),
    "an object": lambda network: argparse.Namespace(netG=network.state_dict(), lr=1e-3),
    "an object with slots": lambda network: Slots(network.state_dict()),
    "a named tuple": lambda network: Point(network.state_dict(), 3),
    "a key of another kind": lambda network: {Mode.TRAIN: network.state_dict(), (1, 2): 3},
    "a deque": lambda network: collections.deque([network.state_dict()]),
    "a whole module": lambda network: network,
    "a whole module in a dict": lambda network: {"netG": network, "netD": lived(TutorialDiscriminator()), "epoch": 3},
    "a module for several devices": nn.DataParallel,
    "an object with a whole module": lambda network: Node(None, generator=network),
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_weights_are_found_in_objects_that_are_not_made(
    around: Callable[[Any], Any], zipped: bool, conversions: Conversions
) -> None:
    generator = lived(TutorialGenerator())
    done = conversions.convert(around(generator), zipped)
    assert same_numbers(conversions, generator)
    assert done.unread


class Wrapped(nn.Module):
    """A module with all that a state dict has or leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        self.again = self.net[0]
        self.register_buffer("kept", torch.ones(2))
        self.register_buffer("dropped", torch.ones(2), persistent=False)
        self.register_buffer("nothing", None)
        self.register_parameter("none", None)
        self.scale = nn.Parameter(torch.ones(1))


def test_the_state_dict_of_a_whole_module_is_torchs(zipped: bool) -> None:
    from ganzoo.studio.conversion.contents import state_dicts

    network = Wrapped()
    ((path, found), *_) = state_dicts(read_checkpoint(saved(network, zipped)).value)
    assert (path, list(found)) == ("", list(network.state_dict()))
    assert all(torch.equal(found[name].read(), value) for name, value in network.state_dict().items())


def test_placeholders_are_named_once_and_in_their_order(conversions: Conversions) -> None:
    others = [Path("a"), argparse.Namespace(a=Path("b")), torch.float16]
    done = conversions.convert({"more": others, "netG": TutorialGenerator(Z).state_dict()})
    assert [path.rpartition(".")[2] for path in done.unread] == ["PosixPath", "Namespace", "float16"]
