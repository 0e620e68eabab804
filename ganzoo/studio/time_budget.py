"""A training that fits into a given time: how many steps it makes, with which preset and which average."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection
from ganzoo.catalogue.selecting_again import Choose
from ganzoo.errors import UserError
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import process_rank
from ganzoo.studio.estimate import Estimate, estimate
from ganzoo.text import lasting, warn
from ganzoo.training.observers.picture_files import MAX_FRAMES

SHARE = 0.04  # of the time is for measuring, as far as that is less than a dry run takes for it
CURVES = 1.0  # seconds, at the end
PROBE = 999_999_937  # a number of steps that nobody gives


@dataclass(frozen=True)
class Fit:
    """A length that fits: ``steps``, at ``rate`` steps per second.

    ``usual`` is the length where no time is given.
    """

    selection: Selection
    steps: int
    usual: int
    rate: float


def fit(seconds: float, began: float, choose: Choose, tell: Callable[[str], None]) -> Selection:
    """Return a selection whose training ends ``seconds`` after ``began``, a reading of ``time.monotonic``.

    Some steps are made and timed. Of the presets that the variant declares, the one whose length is nearest is taken,
    and an average goes over the same share of the run as it usually does. ``tell`` gets what was chosen. Raises
    :class:`~ganzoo.errors.UserError` where the training would, and where the time is too short for one step.
    """
    if process_rank().size > 1:
        raise UserError("--time measures one process, and torchrun started several: give --steps")
    if choose(None, {"steps": PROBE}).run.steps != PROBE:
        raise UserError("--time chooses the number of steps: leave out --steps and --epochs, or --time")
    found = _fitting(choose(None, {}), seconds, began)
    preset = _nearest_preset(found, choose)
    if preset != found.selection.preset:
        found = _fitting(choose(preset, {}), seconds, began)
    before = found.selection
    tell(f"{lasting(seconds)}: {found.steps:,} steps at {found.rate:.3g} steps/s, preset {before.preset}")
    if before.run.evaluate_every:
        tell("its evaluations are not part of this time")
    return choose(preset, {"steps": found.steps, "ema": average(before.run.ema, found.steps / found.usual)})


def average(decay: float, share: float) -> float:
    """Return the decay of an average in a run of ``share`` of its usual length; a longer run keeps the usual one.

    >>> average(0.999, 0.5), average(0.999, 2.0), average(0.0, 0.5)
    (0.998, 0.999, 0.0)
    """
    return decay if share >= 1 else max(0.0, round(1 - (1 - decay) / share, 6))


def _fitting(selection: Selection, seconds: float, began: float) -> Fit:
    start = time.monotonic()
    data = assemble(selection)
    checking = time.monotonic() - start
    device = choose_device(selection.run.device)
    precision = choose_precision(selection.run.precision, device)
    found = estimate(selection, data, precision, 0, warn, SHARE * seconds)
    left = seconds - (time.monotonic() - began) - checking - found.beginning
    steps = most_steps(found, left)
    if steps < 1:
        raise UserError(
            f"{lasting(seconds)} are not enough: everything before the first step takes "
            f"{lasting(seconds - left)}, and a step {lasting(found.stepping / found.steps)}; give more --time"
        )
    return Fit(selection, steps, found.steps, found.steps_per_second)


def most_steps(found: Estimate, seconds: float) -> int:
    """Return how many steps, with their pictures and checkpoints and the files at the end, fit into ``seconds``."""

    def taken(steps: int) -> float:
        pictures = 1 + (math.ceil(steps / found.sample_every) if found.sample_every else 0)
        checkpoints = math.ceil(steps / found.checkpoint_every) if found.checkpoint_every else 0
        drawn = pictures + min(pictures, MAX_FRAMES)  # each is also a frame of the animation
        stepping = steps * found.stepping / found.steps
        return stepping + drawn * found.picture + (checkpoints + 1) * found.checkpoint + CURVES

    low, high = 0, 1
    while taken(high) <= seconds:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if taken(middle) <= seconds else (low, middle)
    return low


def _nearest_preset(found: Fit, choose: Choose) -> str:
    """Return the preset of the variant whose length is nearest, by ratio; of equally long ones, the present one."""
    selection = found.selection
    presets = selection.registry.variant(selection.variant).presets
    lengths = {selection.preset: found.usual}
    for name in presets:
        other = choose(name, {})
        if other.preset == name and other.run.steps is not None:
            lengths.setdefault(name, other.run.steps)
    return min(lengths, key=lambda name: abs(math.log(lengths[name] / found.steps)))
