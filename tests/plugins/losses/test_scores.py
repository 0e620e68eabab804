"""Penalties on scores, with averages by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make
from ganzoo.contract.penalty import PenaltyOutput
from ganzoo.randomness import FreshDraws
from ganzoo.testing.critics import critic_of


def made(name: str, **options: Any) -> Any:
    component = installed().component("penalty", name)
    return resolve(component)(make(component.config, options, name))


def computed(penalty: Any, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> PenaltyOutput:
    output = penalty(critic_of(critic), real, fake, FreshDraws(torch.Generator().manual_seed(0)))
    return output if isinstance(output, PenaltyOutput) else PenaltyOutput(output)


def updated(penalty: Any, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> PenaltyOutput:
    output = computed(penalty, critic, real, fake)
    penalty.after_update({name: value.mean() for name, value in (output.terms | output.values).items()})
    return output


def test_drift_is_the_squared_score_of_real_examples() -> None:
    output = computed(made("drift"), lambda x: 3 * x, torch.tensor([[1.0], [-2.0]]), torch.ones(2, 1))
    assert output.terms["drift"].tolist() == pytest.approx([0.009, 0.036])


class TestLeCam:
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[-2.0], [0.0]])

    def test_nothing_is_asked_before_there_is_an_average(self) -> None:
        assert computed(made("lecam"), lambda x: x, self.real, self.fake).terms["lecam"].tolist() == [0, 0]

    def test_averages_and_distances_by_hand(self) -> None:
        penalty = made("lecam", weight=0.5, decay=0.9)
        updated(penalty, lambda x: x, self.real, self.fake)  # means 2 and -1
        # From the first update on, the averages are those means, free of the zeros from which they began.
        term = updated(penalty, lambda x: 2 * x, self.real, self.fake).terms["lecam"]
        assert term.tolist() == pytest.approx(
            [0.5 * ((2 + 1) ** 2 + (2 + 4) ** 2), 0.5 * ((6 + 1) ** 2 + (2 - 0) ** 2)]
        )
        # Means 2, then 4, with weights 0.09 and 0.1 of 0.19.
        assert float(penalty.scores_of_real / penalty.seen) == pytest.approx((0.09 * 2 + 0.1 * 4) / 0.19)
        assert float(penalty.scores_of_fake / penalty.seen) == pytest.approx(-(0.09 * 1 + 0.1 * 2) / 0.19)
        assert float(penalty.seen) == pytest.approx(1 - 0.9**2)

    def test_one_side_counts_the_wrong_side_of_the_average_alone(self) -> None:
        penalty = made("lecam", weight=1.0, sides="one")
        updated(penalty, lambda x: x, self.real, self.fake)
        term = computed(penalty, lambda x: -10 * torch.ones_like(x), self.real, self.fake).terms["lecam"]
        assert term.tolist() == pytest.approx([(2 + 10) ** 2] * 2), "D(x) below the average of fakes costs nothing"
        both = made("lecam", weight=1.0)
        updated(both, lambda x: x, self.real, self.fake)
        term = computed(both, lambda x: -10 * torch.ones_like(x), self.real, self.fake).terms["lecam"]
        assert term.tolist() == pytest.approx([(2 + 10) ** 2 + (-10 + 1) ** 2] * 2)

    def test_a_forward_pass_moves_no_average(self) -> None:
        penalty = made("lecam")
        for _ in range(3):
            computed(penalty, lambda x: x, self.real, self.fake)
        assert float(penalty.seen) == 0


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("name", ["consistency", "balanced-consistency"])
def test_a_score_that_does_not_see_the_change_costs_nothing(name: str, flip: bool) -> None:
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    constant = images.mean((1, 2, 3), keepdim=True).expand_as(images)
    output = computed(made(name, flip=flip), lambda x: x.flatten(1).sum(1, keepdim=True), constant, constant)
    assert all(term.abs().max() < 1e-6 for term in output.terms.values())


def test_consistency_compares_scores_of_images_and_of_changed_images() -> None:
    penalty = made("consistency", weight=2.0, flip=True, shift=0.0)
    images = torch.rand(64, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    left = lambda x: x[:, 0, 0, :1]  # noqa: E731  the pixel at the upper left
    term = computed(penalty, left, images, images).terms["consistency"]
    mirrored = 2.0 * (images[:, 0, 0, 0] - images[:, 0, 0, 3]).square()
    is_mirrored = term != 0
    assert 16 < int(is_mirrored.sum()) < 48
    torch.testing.assert_close(term[is_mirrored], mirrored[is_mirrored])


def test_shifts_reach_every_distance_and_keep_each_row_whole() -> None:
    penalty = made("consistency", flip=False, shift=0.25)
    ramp = torch.arange(8.0).expand(200, 1, 8, 8)
    changed = penalty.change(ramp, FreshDraws(torch.Generator().manual_seed(0)))
    assert {round(float(row[3]) - 3) for row in changed[:, 0, 0]} == {-2, -1, 0, 1, 2}
    assert torch.equal(changed, changed[:, :, :1].expand_as(changed)), "all rows of an image are shifted alike"
    reflected = changed[changed[:, 0, 0, 3] == 1][0, 0, 0]
    assert reflected.tolist() == [2, 1, 0, 1, 2, 3, 4, 5]


def test_balanced_consistency_holds_fakes_too() -> None:
    images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    output = computed(made("balanced-consistency", fake_weight=0.0), lambda x: x[:, 0, 0, :1], images, images)
    assert output.terms["consistency"].sum() > 0
    assert output.terms["consistency of fakes"].sum() == 0
