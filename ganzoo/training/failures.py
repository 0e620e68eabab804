"""Messages for a training that a full disk or too little memory ends: the newest checkpoint, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import TrainingFailed
from ganzoo.health.memory import explain_out_of_memory
from ganzoo.storage.checkpoint_files import checkpoints, describe_newest_checkpoint
from ganzoo.storage.files import WriteFailed
from ganzoo.storage.run_folder import RunFolder


@contextmanager
def explain_write_failure(folder: RunFolder) -> Iterator[None]:
    """If a file cannot be written, raise :class:`TrainingFailed` with the newest checkpoint and how to continue."""
    try:
        yield
    except WriteFailed as problem:
        checkpoint = describe_newest_checkpoint(folder.checkpoints)
        again = "continue" if checkpoints(folder.checkpoints) else "start again"
        raise TrainingFailed(
            f"{problem}: {checkpoint}; free some space or repair the disk, then {again} with --resume"
        ) from problem


@contextmanager
def explain_training_out_of_memory(settings: RunSettings, device: torch.device, folder: RunFolder) -> Iterator[None]:
    """If the block runs out of memory, raise :class:`TrainingFailed` with what to change and the newest checkpoint."""

    def explain(message: str) -> TrainingFailed:
        passes, checkpoint = 2 * settings.accumulate, describe_newest_checkpoint(folder.checkpoints)
        return TrainingFailed(
            f"out of memory on {device} with batches of {settings.batch_size} ({message}): give a smaller "
            f"--batch-size, or --accumulate {passes} to compute each batch in {passes} passes; {checkpoint}"
        )

    with explain_out_of_memory(explain):
        yield
