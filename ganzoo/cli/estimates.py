"""What `ganzoo train --dry-run` tells: parameters, memory, speed and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ganzoo.catalogue import Selection
from ganzoo.catalogue.data import DataSpec
from ganzoo.cli.output import tell
from ganzoo.text import in_bytes, lasting, warn

if TYPE_CHECKING:
    from ganzoo.studio.estimate import Estimate


def tell_estimate(selection: Selection, data: Mapping[str, DataSpec], resume: bool) -> None:
    """Measure a few steps, and tell on stderr what the training takes; raises ``UserError`` where it cannot begin."""
    from ganzoo.contract.read_only import NotAtHand
    from ganzoo.step.device import choose_device
    from ganzoo.step.precision import choose_precision
    from ganzoo.storage.checkpoint_files import checkpoints, step_of
    from ganzoo.storage.run_folder import RunFolder
    from ganzoo.studio.estimate import count_parameters, estimate

    device = choose_device(selection.run.device)
    precision = choose_precision(selection.run.precision, device)
    made = checkpoints(RunFolder(selection.run.out).checkpoints) if resume and selection.run.out else []
    try:
        found = estimate(selection, data, precision, step_of(made[0]) if made else 0, warn)
    except NotAtHand as problem:
        tell("everything fits", err=True)
        tell(_parameters(count_parameters(selection, data)), err=True)
        tell(f"memory, speed and time are measured when the data is there: {problem}", err=True)
        return
    tell("everything fits", err=True)
    for line in _lines(found, selection, f"{device}"):
        tell(line, err=True)


def _parameters(counts: Mapping[str, int]) -> str:
    return f"parameters: {', '.join(f'{name} {count:,}' for name, count in counts.items())}"


def _lines(found: Estimate, selection: Selection, device: str) -> Iterator[str]:
    yield _parameters(found.parameters)
    if found.memory:
        of = "tensors" if device.startswith("cuda") else "the whole process"
        yield f"memory: {in_bytes(found.memory)} on {device}, for {of}"
    if not found.steps:
        yield "all steps are made: --resume with more --steps goes on"
        return
    yield f"speed: {found.steps_per_second:.3g} steps/s on {device}"
    parts = [
        f"{lasting(found.stepping)} for {found.steps:,} steps",
        f"{lasting(found.beginning)} to begin",
        f"{lasting(found.pictures * found.picture)} for {found.pictures} pictures",
        f"{lasting(found.checkpoints * found.checkpoint)} for {found.checkpoints} checkpoints",
    ]
    without = "without its evaluations, and " if selection.run.evaluate_every else ""
    yield f"time: {lasting(found.seconds)}: {', '.join(parts)}; {without}without the curves at the end"
