"""ADA: its changes, its controller by hand, and what circulating code does wrong."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue.options import make
from ganzoo.contract.optimization import Progress
from ganzoo.contract.working_state import model_state, scalar_states
from ganzoo.errors import Refused
from ganzoo.randomness import Draws, FreshDraws
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.selections import choose
from ganzoo.testing.tapes import recorded, with_rates_on_the_device
from ganzoo.testing.told import Told
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.checkpoints import resume, write_checkpoint
from ganzoo_augmentation import ada_changes
from ganzoo_augmentation.ada import Ada
from ganzoo_augmentation.configs import AdaConfig

MANY = 4000
GROUPS = ("blit", "geometry", "colour", "cutout")


def draws(seed: int = 0) -> Draws:
    return FreshDraws(torch.Generator().manual_seed(seed))


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def ada(**options: Any) -> Ada:
    return Ada(make(AdaConfig, options, "ada"))


def updated(part: Ada, *signs: float, batch: int = 64, step: int = 0) -> float:
    """Return p after updates of the discriminator with these mean signs."""
    part.before_step(Progress(step, 100, batch))
    for sign in signs:
        part.after_update({"sign of D(x)": torch.tensor(sign)})
    return float(part.p)


# The controller


def test_ada_p_rises_when_the_sign_of_real_logits_is_above_the_target() -> None:
    """The known defect: the sign of the controller."""
    step = 64 * 4 / 500_000
    assert updated(ada(p=0.5), 0.7, 0.7, 0.7, 0.7) == pytest.approx(0.5 + step, abs=1e-7)
    assert updated(ada(p=0.5), 0.5, 0.5, 0.5, 0.5) == pytest.approx(0.5 - step, abs=1e-7)
    assert updated(ada(p=0.5, target=0.0), 0.5, 0.5, 0.5, 0.5) > 0.5


def test_ada_step_follows_the_batch_the_interval_and_kimg() -> None:
    """The known defect: a step that does not follow the number of images."""
    assert updated(ada(kimg=1), *[1.0] * 4, batch=25) == pytest.approx(0.1)
    assert updated(ada(kimg=1), *[1.0] * 4, batch=50) == pytest.approx(0.2)
    assert updated(ada(kimg=1, interval=2), *[1.0] * 4, batch=25) == pytest.approx(0.1)  # twice half of it
    assert updated(ada(kimg=2), *[1.0] * 4, batch=25) == pytest.approx(0.05)
    assert updated(ada(kimg=0.1, interval=1), *[1.0] * 7, batch=10) == pytest.approx(0.7)


def test_p_moves_by_the_mean_of_an_interval_and_not_before() -> None:
    part = ada(kimg=1)
    assert updated(part, 1.0, 1.0, 1.0) == 0.0
    assert updated(part, 1.0) == pytest.approx(0.256)
    assert updated(part, 1.0, -1.0, 1.0, -1.0) == 0.0, "the signs of the last interval are forgotten"
    assert updated(part, 1.0, 1.0, 1.0, 0.0) == pytest.approx(0.256), "the mean is 0.75"


def test_p_stays_within_its_limits() -> None:
    assert updated(ada(), -1.0, -1.0, -1.0, -1.0) == 0.0
    assert updated(ada(p=0.9, kimg=0.1, interval=1), 1.0) == 1.0
    assert updated(ada(p=0.5, kimg=0.1, interval=1, limit=0.8), 1.0) == pytest.approx(0.8)


def test_a_target_is_met_by_no_move() -> None:
    assert updated(ada(p=0.5, target=0.5), 0.5, 0.5, 0.5, 0.5) == 0.5


def test_signs_are_those_of_single_logits() -> None:
    found = ada().statistics(torch.tensor([[-2.0, 3.0], [0.0, 0.1]]))
    assert {name: value.tolist() for name, value in found.items()} == {"sign of D(x)": [[-1, 1], [0, 1]]}
    assert ada(target="none").statistics(torch.ones(2, 1)) == {}


def test_a_fixed_p_stays() -> None:
    part = ada(p=0.3, target="none")
    part.before_step(Progress(5, 100, 64))
    part.after_update({})
    assert float(part.p) == pytest.approx(0.3)


@pytest.mark.parametrize(("step", "share"), [(0, 0), (5, (1 - math.cos(math.pi / 4)) / 2), (10, 0.5), (20, 1), (99, 1)])
def test_a_burn_in_is_half_a_cosine(step: int, share: float) -> None:
    part = ada(p=0.55, target="none", burn_in=0.2)
    part.before_step(Progress(step, 100, 64))
    assert float(part.p) == pytest.approx(0.55 * share)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"burn_in": 0.1}, "is for a fixed p"), ({"p": 0.9, "limit": 0.8}, "must not be above 'limit'")],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((Refused, ValueError), match=sentence):
        ada(**options)


# The changes


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_change_happens_to_a_share_p_of_the_images(p: float) -> None:
    chances = ada_changes._Chances(MANY, draws())
    found = [
        chances.chosen(torch.tensor(p)),
        chances.even(2.0, torch.tensor(p)) != 0,
        chances.normal(2.0, torch.tensor(p)) != 0,
        chances.factor(0.2, torch.tensor(p)) != 1,
        chances.whole(10**9, torch.tensor(p)) != 0,
    ]
    for chosen in found:
        assert float(chosen.float().mean()) == pytest.approx(p, abs=0.03)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(("p", "strength"), [(0.2, 1.0), (0.4, 0.5)])
def test_the_share_of_changed_images_is_that_of_independent_changes(group: str, p: float, strength: float) -> None:
    """Of 6 geometric changes, two are rotations; a flip and a turn leave an image as it is by chance."""
    x = images(MANY, 3, 5, 5)
    options = {**dict.fromkeys(GROUPS, 0.0), group: strength}
    found = ada(p=p, target="none", **options)(x, draws())
    changed = float((found != x).flatten(1).any(1).float().mean())
    q = p * strength
    unchanged = {
        # half of the flips, three of four turns, and whole moves of more than half a pixel of at most 0.625
        "blit": (1 - q / 2) * (1 - q * 3 / 4) * (1 - q * (1 - 0.8**2)),
        "geometry": (1 - q) ** 4,
        "colour": (1 - q) ** 4 * (1 - q / 2),
        "cutout": 1 - q,
    }[group]
    assert changed == pytest.approx(1 - unchanged, abs=0.03)


def test_blits_move_pixels_and_make_no_new_values() -> None:
    x = images(64, 1, 9, 9)
    found = ada(p=1.0, target="none", geometry=0.0, colour=0.0)(x, draws())
    for one, other in zip(x, found, strict=True):
        assert torch.isin(other, one).all()
    assert not torch.equal(found, x)


def test_images_that_are_not_square_are_turned_by_half() -> None:
    x = torch.zeros(MANY, 1, 4, 12)
    x[:, :, 0, 0] = 1
    found = ada(p=1.0, target="none", geometry=0.0, colour=0.0)(x, draws()).mean(0)[0]
    assert not found[:, 3:9].any(), "a quarter turn would bring it to the middle"
    assert found[:2, :3].sum() > 0.1 and found[2:, -3:].sum() > 0.1


def test_luma_and_chroma_by_hand() -> None:
    """The product of the paper's matrices: brightness, contrast, luma flip, hue rotation, saturation."""
    x = images(1, 3, 4, 4)
    # Behind each number that says how, one that says whether.
    found = ada_changes.recoloured(x, torch.tensor(0.5), Told(1.5, 0, 2.0, 0, 1, 0, 0.9, 0, -1.0, 0))
    brightness, contrast, angle, saturation = 1.5 * 0.2, 2 ** (2.0 * 0.5), 0.8 * math.pi, 2**-1.0
    v = torch.ones(3, 1) / math.sqrt(3)
    luma = v @ v.T
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    hue = math.cos(angle) * torch.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * luma
    matrix = (luma + (torch.eye(3) - luma) * saturation) @ hue @ (torch.eye(3) - 2 * luma)
    expected = torch.einsum("dc,bchw->bdhw", matrix, (x + brightness) * contrast)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("which", range(5))
def test_one_change_of_colour_happens_alone(which: int) -> None:
    x = images(1, 3, 4, 4)
    hows = (1.5, 2.0, 1, 0.75, -1.0)
    told = [number for place, how in enumerate(hows) for number in (how, 0.0 if place == which else 0.9)]
    found = ada_changes.recoloured(x, torch.tensor(0.5), Told(*told))
    luma = x.mean(1, keepdim=True)
    expected = (x + 0.3, x * 2, x - 2 * luma, None, luma + (x - luma) / 2)[which]
    if expected is None:  # a quarter turn around grey
        torch.testing.assert_close(found.mean(1, keepdim=True), luma)
        torch.testing.assert_close((found - luma).norm(dim=1), (x - luma).norm(dim=1))
        assert ((found - luma) * (x - luma)).sum(1).abs().max() < 1e-6
    else:
        torch.testing.assert_close(found, expected)


def test_a_hole_has_half_the_height_and_width() -> None:
    found = ada(p=1.0, target="none", blit=0.0, geometry=0.0, colour=0.0, cutout=1.0)(
        torch.ones(MANY, 1, 8, 6), draws()
    )
    missing = (1 - found).flatten(1).sum(1)
    assert float(missing.max()) == 12 and float(missing.min()) >= 2


# In a training


FLAGS: dict[str, object] = {
    "augmentation": "ada",
    "augmentation_p": 0.5,
    "augmentation_kimg": 0.1,
    "augmentation_interval": 2,
    "generator_norm": False,
    "discriminator_dropout": 0.0,
}


def test_ada_p_survives_a_kill_to_the_bit(tmp_path: Path) -> None:
    """The known defect: a resumed training that begins with p = 0 again."""
    selection, folder = choose("gan", steps=5, out=tmp_path, **FLAGS), RunFolder(tmp_path)
    whole, again = make_trainer(selection), make_trainer(selection)
    for step in range(5):
        if step == 3:  # amid an interval
            write_checkpoint(folder.checkpoints, whole, selection)
        whole.advance()
    resume(folder, again, selection, lambda _: None)
    assert float(again.train_step.recipe.augmentation.p) != 0.5  # type: ignore[union-attr, arg-type]
    again.advance()
    again.advance()
    assert moved(everything(whole), everything(again)) == set()


def test_p_is_a_curve_and_no_part_of_the_model() -> None:
    recipe = make_trainer(choose("gan", **FLAGS)).train_step.recipe
    assert scalar_states(recipe) == {"p": 0.5}
    assert not [name for name in model_state(recipe) if "augmentation" in name]


def test_recorded_steps_are_the_eager_ones() -> None:
    selection = choose("gan", steps=8, penalty="r1", **FLAGS)
    eager, (replayed, recorder) = with_rates_on_the_device(make_trainer(selection)), recorded(selection)
    for _ in range(8):
        eager.advance()
        replayed.advance()
    assert recorder.tapes, "it asks the host for nothing"
    assert moved(everything(eager), everything(replayed)) == set()


def test_a_divided_batch_moves_p_alike() -> None:
    flags: dict[str, object] = {**FLAGS, "steps": 4, "optimizer": "sgd", "optimizer_lr": 0.05, "ema": 0.0}
    whole, passes = (make_trainer(choose("gan", **flags, accumulate=count)) for count in (1, 4))
    for _ in range(4):
        whole.advance()
        passes.advance()
    one, other = everything(whole), everything(passes)
    assert max(float((one[name].double() - other[name].double()).abs().max()) for name in one) <= 1e-6
