"""What ends a training from outside, in words: which checkpoint stands, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import TrainingFailed
from ganzoo.health.memory import out_of_memory_explained
from ganzoo.storage.checkpoint_files import newest_checkpoint_told
from ganzoo.storage.files import NotWritten
from ganzoo.storage.run_folder import RunFolder


@contextmanager
def unwritten_explained(folder: RunFolder) -> Iterator[None]:
    """Say of a file that could not be written what is saved, and how to go on: raises :class:`TrainingFailed`."""
    try:
        yield
    except NotWritten as problem:
        stands = newest_checkpoint_told(folder.checkpoints)
        raise TrainingFailed(f"{problem}: {stands}; make room or mend the disk, then go on with --resume") from problem


@contextmanager
def memory_explained(settings: RunSettings, device: torch.device, folder: RunFolder) -> Iterator[None]:
    """Raise :class:`TrainingFailed` where the block runs out of memory: what was asked for, and what is kept."""

    def explain(said: str) -> TrainingFailed:
        parts, stands = 2 * settings.accumulate, newest_checkpoint_told(folder.checkpoints)
        return TrainingFailed(
            f"out of memory on {device} with batches of {settings.batch_size} ({said}): give a smaller "
            f"--batch-size, or --accumulate {parts} to compute each batch in {parts} passes; {stands}"
        )

    with out_of_memory_explained(explain):
        yield
