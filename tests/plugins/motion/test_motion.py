"""The metric of motion: real clips are right, and wrong ones are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import Config
from ganzoo.errors import UserError
from ganzoo.plugin import Examples
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo_editing import reader
from ganzoo_motion.digit_options import MovingDigitsConfig
from ganzoo_motion.digits import MovingDigits
from ganzoo_motion.metrics import Motion, digits_of, directions

NOWHERE = Path("nowhere")
SPEC = MovingDigitsConfig().spec(NOWHERE)


def fields_of(count: int = 64, **options: Any) -> dict[str, Tensor]:
    return MovingDigits(MovingDigitsConfig(count=count, **options), NOWHERE).read(torch.arange(count))


def clips_of(fields: dict[str, Tensor], condition: str = "caption") -> Examples:
    return Examples(fields["video"].float() / 127.5 - 1, fields["digit"], fields[condition])


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    """The brightest of the first ten pixels of a frame is its digit."""
    monkeypatch.setattr(reader, "_learnt", lambda images, attributes, context: lambda one: one.flatten(1)[:, :10])


def marked(fields: dict[str, Tensor], digits: Tensor) -> Examples:
    """Clips whose frames (N, T) bear digits as a mark in the first row, too faint to move the centre of light."""
    clips = clips_of(fields)
    values = clips.values.clone()
    values[..., 0, 0, :10] = -1
    values[..., 0, 0, :10].scatter_(2, digits[..., None], -1 + 1e-3)
    return Examples(values, clips.labels, clips.conditions)


def measured(clips: Examples) -> dict[str, float]:
    context = SimpleMetricContext(SPEC.target_field, train=clips)
    return {**Motion(Config()).measure(clips, clips, context)}  # type: ignore[dict-item]


def test_the_direction_of_every_real_clip_is_found() -> None:
    fields = fields_of(200)
    assert torch.equal(directions(clips_of(fields).values), fields["direction"])


def test_a_clip_that_stands_or_drifts_askew_has_no_direction() -> None:
    clips = clips_of(fields_of()).values
    assert (directions(clips[:, :1].expand_as(clips)) == -1).all()
    upright = clips[:1]
    askew = torch.stack([upright[:, t].roll((t, t), (2, 3)) for t in range(8)], dim=1)
    still = torch.stack([upright[:, 0].roll((t, t), (2, 3)) for t in range(8)], dim=1)
    assert askew.shape == still.shape == upright.shape
    corner = torch.full((1, 8, 1, 24, 24), -1.0)
    for t in range(8):
        corner[0, t, 0, 2 * t, 2 * t] = 1
    assert int(directions(corner)) == -1


@pytest.mark.usefixtures("perfect")
def test_real_clips_are_right() -> None:
    fields = fields_of()
    found = measured(marked(fields, fields["digit"][:, None].expand(-1, 8)))
    assert found == pytest.approx({"all": 1, "digit": 1, "direction": 1, "constancy": 1, "guess": 1 / 40})


@pytest.mark.usefixtures("perfect")
def test_a_frame_with_another_digit_costs_constancy_and_a_clip_of_another_one_its_digit() -> None:
    fields = fields_of(4)
    digits = fields["digit"][:, None].repeat(1, 8)
    digits[0, :2] = (digits[0, :2] + 1) % 10
    digits[1] = (digits[1] + 1) % 10
    found = measured(marked(fields, digits))
    assert found == pytest.approx({"all": 0.5, "digit": 0.75, "direction": 1, "constancy": 30 / 32, "guess": 1 / 40})


@pytest.mark.usefixtures("perfect")
def test_a_clip_that_runs_backwards_has_the_wrong_direction() -> None:
    fields = fields_of()
    clips = marked(fields, fields["digit"][:, None].expand(-1, 8))
    backwards = Examples(clips.values.flip(1), clips.labels, clips.conditions)
    assert measured(backwards)["direction"] == 0


@pytest.mark.usefixtures("perfect")
def test_from_a_first_frame_any_of_the_four_directions_is_right() -> None:
    fields = fields_of()
    clips = marked(fields, fields["digit"][:, None].expand(-1, 8))
    begun = Examples(clips.values.flip(1), clips.labels, clips.values[:, -1])
    assert measured(begun) == pytest.approx({"all": 1, "digit": 1, "direction": 1, "constancy": 1, "guess": 0.1})


@pytest.mark.usefixtures("perfect")
def test_digit_and_direction_may_be_given_as_classes() -> None:
    fields = fields_of()
    clips = marked(fields, fields["digit"][:, None].expand(-1, 8))
    both = torch.stack([fields["digit"], fields["direction"]], dim=1).float()
    assert measured(Examples(clips.values, clips.labels, both))["all"] == 1


@pytest.mark.usefixtures("perfect")
def test_clips_of_two_digits_are_refused() -> None:
    with pytest.raises(UserError, match="reads clips of one digit: use --dataset-digits 1"):
        measured(clips_of(fields_of(digits=2)))


def test_the_lesson_of_the_reader_is_a_frame_of_each_clip_with_its_digit() -> None:
    fields = fields_of(10)
    frames, digits = digits_of(clips_of(fields))
    assert torch.equal(digits.argmax(1), fields["digit"])
    assert torch.equal(frames[9], clips_of(fields).values[9, 1])
