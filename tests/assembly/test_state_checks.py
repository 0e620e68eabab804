"""A state is kept in buffers and changed after an update; the dry run names the part that does otherwise."""

from __future__ import annotations

import re
from collections import deque
from functools import cached_property
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.testing.odd_parts import PLAIN, PlainHead, PlainLoss, PlainPenalty, refusal_of


def with_buffer(self: Any) -> None:
    self.register_buffer("state", torch.zeros(()))


def with_attribute(self: Any) -> None:
    self.state = torch.zeros(())


def with_number(self: Any) -> None:
    self.state = 0


def with_list(self: Any) -> None:
    self.state = deque([0.0], maxlen=3)


def write(self: Any) -> None:
    self.state.add_(1.0)


def replace(self: Any) -> None:
    self.state = self.state + 1


def append(self: Any) -> None:
    self.state.append(1.0)


def changing(kind: str, function: str, prepare: Any, change: Any) -> type:
    """Derive from the plain part of a kind one whose function also changes a state."""
    plain: Any = PLAIN[kind]

    def construct(self: Any, *arguments: Any, **named: Any) -> None:
        plain.__init__(self, *arguments, **named)
        prepare(self)

    def called(self: Any, *arguments: Any) -> Any:
        with torch.no_grad():
            change(self)
        return getattr(plain, function)(self, *arguments)

    return type("Changing", (plain,), {"__init__": construct, function: called})


IN_FORWARD = [
    ("loss", "discriminator"),
    ("loss", "generator"),
    ("loss", "statistics"),
    ("penalty", "forward"),
    ("augmentation", "forward"),
]


@pytest.mark.parametrize(("kind", "function"), IN_FORWARD)
@pytest.mark.parametrize(
    ("prepare", "change", "rule"),
    [
        (with_buffer, write, "its buffer 'state', .* if the batch is divided: change it in after_update"),
        (with_buffer, replace, "its buffer 'state', .* change it in after_update"),
        (with_attribute, replace, r"its attribute 'state', .* \(register_buffer .* change it in after_update"),
        (with_attribute, write, "its attribute 'state'"),
        (with_number, replace, "its attribute 'state'"),
        (with_list, append, "its attribute 'state'"),
    ],
)
def test_no_state_changes_in_a_forward_pass(kind: str, function: str, prepare: Any, change: Any, rule: str) -> None:
    (problem,) = refusal_of(kind, changing(kind, function, prepare, change))
    assert problem.startswith(f"{kind} 'odd' of package odd-parts breaks its contract: {function}() changes its ")
    assert re.search(rule, problem)


@pytest.mark.parametrize(("kind", "function"), [("head", "discriminator"), ("head", "generator"), ("latent", "draw")])
def test_a_head_and_a_latent_keep_no_state(kind: str, function: str) -> None:
    (problem,) = refusal_of(kind, changing(kind, function, with_number, replace))
    assert problem.startswith(f"{kind} 'odd' of package odd-parts breaks its contract: {function}() changes its ")
    assert "it may keep no state: a loss, a penalty and an augmentation may" in problem


@pytest.mark.parametrize("kind", ["loss", "penalty", "augmentation"])
@pytest.mark.parametrize(
    ("function", "prepare", "change", "rule"),
    [
        ("after_update", with_buffer, replace, "replaces its buffer 'state': write into it, as copy_"),
        ("after_update", with_attribute, replace, r"'state', which no checkpoint .*\(register_buffer"),
        ("after_update", with_number, replace, r"'state', which no checkpoint .*\(register_buffer"),
        ("before_step", with_number, replace, r"'state', which no recorded step knows: .* set it with fill_"),
    ],
)
def test_a_state_is_kept_in_buffers(kind: str, function: str, prepare: Any, change: Any, rule: str) -> None:
    (problem,) = refusal_of(kind, changing(kind, function, prepare, change))
    assert re.search(f"{kind} 'odd' of package odd-parts breaks its contract: {function}\\(\\) .*{rule}", problem)


@pytest.mark.parametrize("kind", ["loss", "penalty", "augmentation"])
@pytest.mark.parametrize("function", ["after_update", "before_step"])
def test_a_buffer_may_be_written_before_and_after(kind: str, function: str) -> None:
    assert not refusal_of(kind, changing(kind, function, with_buffer, write))


def test_statistics_of_layers_are_no_state() -> None:
    class Normed(PlainHead):
        def __init__(self, config: Any, features: int, condition: Any, latent: Any):
            super().__init__(config, features, condition, latent)
            self.layer: nn.Module = nn.Sequential(nn.BatchNorm1d(features), nn.Linear(features, 1))

    assert not refusal_of("head", Normed)


def test_what_is_computed_once_is_no_state() -> None:
    class Computed(PlainPenalty):
        @cached_property
        def weight(self) -> float:
            return 0.5

        def forward(self, *arguments: Any) -> Any:
            return {name: self.weight * term for name, term in super().forward(*arguments).items()}

    assert not refusal_of("penalty", Computed)


def test_a_state_of_a_module_in_a_part_is_found() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(()))

        def forward(self, logit: Tensor) -> Tensor:
            self.count.add_(1)
            return logit

    class Counting(PlainLoss):
        def __init__(self, config: Any):
            super().__init__(config)
            self.counter = Counter()

        def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
            return super().discriminator(self.counter(real), fake)

    (problem,) = refusal_of("loss", Counting)
    assert "discriminator() changes its buffer 'counter.count'" in problem


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_parts_are_right(kind: str) -> None:
    assert not refusal_of(kind, PLAIN[kind])
