"""Mode collapse: noticed in the step in which the spread of generated examples is lost."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.recipe import Generated
from ganzoo.errors import TrainingFailed
from ganzoo.health.anomaly import Anomaly
from ganzoo.health.collapse import COLLAPSED, ROWS, CollapseDetector
from ganzoo.health.policies import PolicyHistory, WarnAndContinue
from ganzoo.step.processes import SingleProcess
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.testing import selections
from ganzoo.testing.observers import At
from ganzoo.testing.selections import each_case
from ganzoo.testing.strategies import examples
from ganzoo.testing.trainers import context_of
from ganzoo.training.observers import Observer
from ganzoo.training.run import train
from ganzoo.training.trainer import Trainer
from ganzoo.weighted_layers import Spectral

CPU = torch.device("cpu")
choose = partial(selections.choose, steps=8, dataset_size=16, precision="fp32")


# Collapse


def collapse(trainer: Trainer) -> None:
    """Let the generator forget its noise, and make the same of all.

    A weight that is divided by its largest singular value cannot be 0: such a generator sees one noise alone.
    """
    generator = trainer.train_step.recipe.get_submodule("generator")
    if any(isinstance(module, Spectral) for module in generator.modules()):
        generator.register_forward_pre_hook(lambda _, given: tuple(values[:1].expand_as(values) for values in given))
        return
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith("weight"):
                parameter.zero_()


def collapse_later(trainer: Trainer) -> None:
    """Collapse as a generator that has learnt to vary its examples, which one does not in its first three steps."""
    detector = trainer.train_step.anomaly_check.collapse_detector
    assert not detector.state()["alive"]
    detector.restore({**detector.state(), "alive": True})
    collapse(trainer)


VARY_LATER = ("wgan-gp", "cgan-original", "tagging")  # their first examples vary less than a tenth as much as real ones


# The generator of srgan adds to its input, so that its images vary as the inputs do, whatever its weights are.
# That of stackgan rests by then, as the refiner trains.
@pytest.mark.parametrize(
    "variant", each_case(sorted({*installed().names("variant")} - {"srgan", "stackgan"}), "recipe")
)
def test_collapse_is_noticed_in_the_next_step(variant: str, tmp_path: Path, caught: list[Trainer]) -> None:
    selection = choose(variant, on_collapse="stop", dataset_size=16, out=tmp_path / "run", checkpoint_every=2)
    with pytest.raises(TrainingFailed) as failed:
        train(selection, [At({3: collapse_later if variant in VARY_LATER else collapse}, caught)])
    said = str(failed.value)
    assert said.startswith("all examples that phase 'generator' generates have become the same (their spread is 0.00%")
    assert "at step 4: lower the learning rate of that phase" in said
    assert [path.name for path in checkpoints(tmp_path / "run" / "checkpoints")] == ["step-00000002.safetensors"]


class Ratios(Observer):
    """Notes the spread of every step of the generator."""

    def __init__(self, caught: list[Trainer]):
        self.caught, self.ratios = caught, list[float]()

    def stepped(self, step: int) -> None:
        if step == 1:
            collapse_detector = self.caught[-1].train_step.anomaly_check.collapse_detector
            plain = collapse_detector.spread_of

            def of(made: Any) -> Tensor:
                share = plain(made)
                self.ratios.append(float(share))
                return share

            collapse_detector.spread_of = of  # type: ignore[method-assign]


def test_a_training_that_really_collapses_is_stopped_in_that_step(
    tmp_path: Path, caught: list[Trainer], record: Callable[..., None]
) -> None:
    """A first GAN with a far too high learning rate makes one picture after some hundred steps."""
    selection = select(
        installed(), "gan",
        {"optimizer_lr": 0.05, "steps": 2000, "precision": "fp32", "on_collapse": "stop", "out": tmp_path / "run"},
    )  # fmt: skip
    seen = Ratios(caught)
    with pytest.raises(
        TrainingFailed, match=r"all examples that phase 'generator' generates have become the same .* at step \d+"
    ):
        train(selection, [seen])
    assert seen.ratios[-1] < COLLAPSED
    before = min(seen.ratios[: -2 * caught[-1].train_step.phase_optimizers[1].phase.updates])
    assert before >= COLLAPSED
    shares = {"least_spread_before": round(before, 4), "spread_in_that_step": round(seen.ratios[-1], 4)}
    record(promise="a collapse is noticed in its step", step=caught[-1].step, **shares)


def test_a_collapse_is_told_once_and_the_training_goes_on(
    tmp_path: Path, caught: list[Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(choose("gan", out=tmp_path / "run"), [At({3: collapse}, caught)]).finished
    assert capsys.readouterr().err.count("have become the same") == 1


def test_one_that_collapses_again_and_again_does_not_flood_the_terminal() -> None:
    said: list[str] = []
    policy, here = WarnAndContinue(PolicyHistory(), said.append), context_of(choose("gan"))
    for step in range(1, 101):
        policy.handle(Anomaly("collapsed", "generator", step, "all are alike"), here)
    assert [line.split(":")[0] for line in said] == [f"all are alike at step {2**n}" for n in range(7)]


def test_a_collapsed_generator_goes_back(
    tmp_path: Path, caught: list[Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    selection = choose("gan", on_collapse="roll-back", checkpoint_every=2, out=tmp_path / "run")
    assert train(selection, [At({5: collapse}, caught)]).finished
    said = capsys.readouterr().err
    assert said.count("have become the same") == 1
    assert "at step 6: rolled back to the checkpoint of step 4" in said


CGAN = choose("cgan")
CGAN_DATA = check(CGAN)


@examples(50)
@given(st.integers(2, 5), st.integers(0, 2**31), st.floats(0.01, 100))
def test_the_spread_is_the_deviation_within_classes(classes: int, seed: int, scale: float) -> None:
    """Means of classes do not count, and the unit is the real examples' own deviation."""
    collapse_detector = CollapseDetector(
        build_recipe(CGAN, CGAN_DATA, "meta"), CPU, SingleProcess().average, enabled=True
    )
    collapse_detector._classes = classes
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(ROWS * classes) % classes
    noise = torch.randn(len(labels), 7, generator=generator, dtype=torch.float64)
    noise -= torch.stack([noise[labels == label].mean(0) for label in range(classes)])[labels]
    made = (labels[:, None] * 10.0 + scale * noise).float()
    collapse_detector._real = 2.0
    expected = scale * float(noise.square().mean().sqrt()) / 2
    assert float(collapse_detector.spread_of(Generated(made, labels))) == pytest.approx(expected, rel=1e-3)
    assert float(collapse_detector.spread_of(Generated(made))) > expected, "without classes their means count too"


def test_the_first_real_batch_is_the_measure_and_one_that_is_all_alike_is_none() -> None:
    selection = choose("gan")
    recipe = build_recipe(selection, check(selection), "meta")
    alike, differing = torch.zeros(8, 7), torch.arange(56.0).reshape(8, 7)
    for first, then in ((alike, differing), (differing, differing / 2)):
        collapse_detector = CollapseDetector(recipe, CPU, SingleProcess().average, enabled=True)
        shares = []
        for real in (first, then):
            collapse_detector.set_reference({recipe.output.slot: {recipe.output.field: real}})
            shares.append(float(collapse_detector.spread_of(Generated(differing))))
        assert math.isfinite(shares[0]) and shares[0] == shares[1] >= 1
