"""Gradients travel in buckets, each as soon as it is complete, and become their means."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.errors import TrainingFailed
from ganzoo.step import buckets as module
from ganzoo.step.buckets import Buckets, Wait, divided


class Sums:
    """Messages of two processes of which the other one has three times the gradients of this one."""

    def __init__(self) -> None:
        self.begun: list[int] = []

    def begin(self, values: Tensor) -> Wait:
        self.begun.append(len(values))

        def wait() -> None:
            values.mul_(4)

        return wait


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST", 1)


@pytest.fixture
def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))


def loss_of(network: nn.Module) -> Tensor:
    return network(torch.ones(4, 2)).square().sum()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("sizes", "most", "parts"),
    [
        ([4, 4, 4, 4], 2, [[4, 4], [4, 4]]),
        ([4, 4, 4, 4], 1, [[4, 4, 4, 4]]),
        ([1, 9, 1, 1], 3, [[9, 1, 1], [1]]),
        ([5], 8, [[5]]),
    ],
)
def test_parameters_are_divided_from_the_last_to_the_first(sizes: list[int], most: int, parts: list[list[int]]) -> None:
    parameters = [nn.Parameter(torch.empty(size)) for size in sizes]
    found = divided(parameters, most)
    assert [[len(parameter) for parameter in part] for part in found] == parts
    assert [p for part in reversed(found) for p in part] == parameters


def test_no_bucket_is_smaller_than_is_worth_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST", 40)
    assert len(divided([nn.Parameter(torch.empty(4)) for _ in range(4)], 8)) == 2


@pytest.mark.parametrize("passes", [1, 2])
def test_messages_begin_during_the_last_pass_with_the_last_layers(network: nn.Sequential, passes: int) -> None:
    sums = Sums()
    buckets = Buckets(list(network.parameters()), 99, sums.begin)
    with buckets.watching(passes):
        for number in range(passes):
            assert sums.begun == []
            loss = loss_of(network)
            assert number or sums.begun == []
            loss.backward()
        assert sums.begun == [parameter.numel() for parameter in reversed(list(network.parameters()))]
    gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    buckets.finish(2)
    for parameter, own in zip(network.parameters(), gradients, strict=True):
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, 2 * own)


def test_a_bucket_that_stays_incomplete_is_sent_at_the_end_in_its_turn(network: nn.Sequential) -> None:
    sums, unused = Sums(), nn.Parameter(torch.ones(7))
    buckets = Buckets([*network.parameters(), unused], 99, sums.begin)
    with buckets.watching(1):
        loss_of(network).backward()
    assert sums.begun == [], "the first bucket waits, and others wait for it, as their order is that of all processes"
    buckets.finish(2)
    assert sums.begun == [parameter.numel() for parameter in reversed(list(network.parameters()))]
    assert unused.grad is None


def test_a_gradient_penalty_is_one_pass(network: nn.Sequential) -> None:
    sums = Sums()
    buckets = Buckets(list(network.parameters()), 99, sums.begin)
    with buckets.watching(1):
        examples = torch.ones(4, 2, requires_grad=True)
        (slope,) = torch.autograd.grad(network(examples).sum(), examples, create_graph=True)
        (slope.square().sum() + loss_of(network)).backward()
    assert len(sums.begun) == len(list(network.parameters()))


def test_more_backward_passes_than_were_told_are_refused(network: nn.Sequential) -> None:
    with Buckets(list(network.parameters()), 1, Sums().begin).watching(1):
        loss_of(network).backward()
        loss = loss_of(network)
        with pytest.raises(TrainingFailed, match="leave out --overlap"):
            loss.backward()
    loss_of(network).backward()  # nobody watches any longer
