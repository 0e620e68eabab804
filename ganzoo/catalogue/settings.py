"""The settings of a training run that belong to no component."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.catalogue.options import Config, Epochs, option


@dataclass(frozen=True)
class RunSettings(Config):
    """The length, the numerics, the device, the files and the monitoring of a training run."""

    steps: int | None = option(5000, "training steps", low=1, changeable=True)
    epochs: int | None = option(None, "passes over the data, instead of --steps", low=1, changeable=True)
    batch_size: int = option(64, "examples per step, over all processes", low=1, high=2**24)
    seed: int = option(0, "the seed of weights, noise, labels and data order", low=0, high=2**53)
    device: Literal["auto", "cpu", "cuda", "mps"] = option(
        "auto", "where to compute; auto takes the fastest", changeable=True
    )
    precision: Literal["auto", "fp32", "tf32", "bf16"] = option(
        "auto", "the number format of the networks; auto takes bf16 where the hardware supports it"
    )
    execution: Literal["auto", "eager", "compile", "graph"] = option(
        "auto", "how a step is executed; graph replays a recorded step on an NVIDIA GPU", changeable=True
    )
    accumulate: int = option(1, "passes into which each batch is split, to need less memory", low=1)
    freeze: tuple[str, ...] | None = option(
        None, "networks, or layers of them, to keep as they are, such as discriminator.layers.0"
    )
    sync_bn: bool = option(False, "with several processes on NVIDIA GPUs, compute batch norm over the whole batch")
    overlap: bool = option(
        False, "with several processes, exchange gradients during the backward pass", changeable=True
    )
    data_root: Path = option(
        Path("data"), "the folder with the datasets' files; downloads are stored there", changeable=True
    )
    out: Path | None = option(None, "the run folder; default runs/VARIANT, with a number where that exists")
    keep_checkpoints: int = option(
        2, "newest checkpoints to keep, besides the last of each interval and the best", low=1, changeable=True
    )
    on_non_finite: Literal["stop", "skip", "roll-back", "off"] = option(
        "stop",
        "what to do when an update is not finite (NaN or infinite); off checks only the logged values",
        changeable=True,
    )
    on_collapse: Literal["warn", "stop", "roll-back", "off"] = option(
        "warn", "what to do when all generated images become the same (mode collapse)", changeable=True
    )
    deterministic: bool = option(
        False, "make an accelerator compute bit for bit the same each time, more slowly", changeable=True
    )
    ema: float = option(
        0.999, "decay per step of the generator's moving average; 0 disables the average", low=0, high=0.999999
    )
    diagnose_every: int = option(
        100,
        "steps between two looks for what is wrong with a training (docs/traps.md); 0 disables them",
        low=0,
        changeable=True,
    )
    log_every: int = option(50, "steps between two rows of metrics", low=1, changeable=True)
    sample_every: int | Epochs = option(
        500, "steps between two pictures of samples, or epochs (1e)", low=1, changeable=True
    )
    checkpoint_every: int | Epochs = option(
        1000, "steps between two checkpoints for --resume, or epochs (1e); 0 writes none", low=0, changeable=True
    )
    evaluate_every: int = option(0, "steps between two evaluations; 0 disables them", low=0, changeable=True)
    evaluate_samples: int = option(2000, "examples to generate for each evaluation", low=1, high=2**31, changeable=True)
    metric: tuple[str, ...] | None = option(
        None, "the metrics to evaluate; the first one selects the best model; none: all that fit", changeable=True
    )
    judge: str | None = option(
        None, "the judge for the metrics; none: the default judge of the dataset", changeable=True
    )
    data_budget: int = option(
        2048, "MiB of examples to hold on the device; larger data is streamed", low=0, changeable=True
    )
    workers: int = option(2, "processes that read streamed data", low=0, high=256, changeable=True)
    observer: tuple[str, ...] | None = option(
        None, "observers of the training; `ganzoo list observer` shows their names", changeable=True
    )
    tensorboard: bool = option(False, "also write TensorBoard events (needs ganzoo[tensorboard])", changeable=True)

    def __post_init__(self) -> None:
        if self.evaluate_every == 0 and (self.metric or self.judge):
            raise ValueError("--metric and --judge have no effect without evaluations: give --evaluate-every")
        if self.rolls_back and self.checkpoint_every == 0:
            raise ValueError("roll-back needs checkpoints: give --checkpoint-every")

    @property
    def observers(self) -> tuple[str, ...]:
        """The names of the chosen observers; ``--tensorboard`` is short for ``--observer tensorboard``."""
        return tuple(dict.fromkeys((*(self.observer or ()), *(("tensorboard",) if self.tensorboard else ()))))

    @property
    def rolls_back(self) -> bool:
        """Whether the training may return to a checkpoint of its own."""
        return "roll-back" in (self.on_non_finite, self.on_collapse)


# The run folder is not a choice about the training, so neither `config.json` nor a model contains it.
NOT_IN_FILES = ("out",)
