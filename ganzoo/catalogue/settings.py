"""The settings of a training run that belong to no component."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.catalogue.options import Config, option


@dataclass(frozen=True)
class RunSettings(Config):
    """How long, with how much, where and how visibly a training runs."""

    steps: int | None = option(5000, "training steps", low=1)
    epochs: int | None = option(None, "passes over the data, instead of --steps", low=1)
    batch_size: int = option(64, "examples a step, of all processes together", low=1, high=2**24)
    seed: int = option(0, "the seed of weights, noise, labels and order", low=0, high=2**53)
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where to compute; auto takes the fastest")
    precision: Literal["auto", "fp32", "tf32", "bf16"] = option(
        "auto", "numbers that networks compute in; auto takes bf16 where the processor has it in hardware"
    )
    execution: Literal["auto", "eager", "compile", "graph"] = option(
        "auto", "how steps are carried out; graph replays a recorded step on an NVIDIA GPU"
    )
    accumulate: int = option(1, "passes into which each batch is divided, to need less memory", low=1)
    sync_bn: bool = option(False, "with several processes on NVIDIA GPUs, let batch norm see the batch of all")
    data_root: Path = option(Path("data"), "folder with the datasets' files; downloads go there")
    out: Path | None = option(None, "run folder; default runs/VARIANT, numbered where that is taken")
    keep_checkpoints: int = option(2, "newest saves to keep; the last of an interval and the best stay too", low=1)
    on_non_finite: Literal["stop", "skip", "roll-back", "off"] = option(
        "stop", "what to do about an update that is not finite; off notices only what is reported"
    )
    on_collapse: Literal["warn", "stop", "roll-back", "off"] = option(
        "warn", "what to do when what the generator makes has become all alike"
    )
    deterministic: bool = option(False, "let an accelerator compute the same to the bit each time, more slowly")
    ema: float = option(0.999, "decay of the averaged generator, a step; 0 keeps no average", low=0, high=0.999999)
    log_every: int = option(50, "steps between two rows of metrics", low=1)
    sample_every: int = option(500, "steps between two pictures", low=1)
    checkpoint_every: int = option(1000, "steps between two saves that --resume can go on from; 0 saves none", low=0)
    evaluate_every: int = option(0, "steps between two evaluations; 0 makes none", low=0)
    evaluate_samples: int = option(2000, "examples to make for each evaluation", low=1, high=2**31)
    metric: tuple[str, ...] | None = option(
        None, "what to evaluate by; the best model by the first is kept; none: all that fit"
    )
    judge: str | None = option(None, "who looks at the examples; none: the judge that the data names")
    data_budget: int = option(2048, "MiB of examples to hold on the device; larger data is streamed", low=0)
    workers: int = option(2, "processes that read streamed data", low=0, high=256)
    tensorboard: bool = option(False, "also write TensorBoard events (needs ganzoo[tensorboard])")

    def __post_init__(self) -> None:
        if self.evaluate_every == 0 and (self.metric or self.judge):
            raise ValueError("--metric and --judge say how to evaluate: say how often with --evaluate-every")
        if self.goes_back and self.checkpoint_every == 0:
            raise ValueError("roll-back goes back to a save: say how often to save with --checkpoint-every")

    @property
    def goes_back(self) -> bool:
        """Whether a training may go back to a save of its own."""
        return "roll-back" in (self.on_non_finite, self.on_collapse)


# Where a run lives is not part of what was chosen: `--config` repeats the rest.
PLACE = ("out",)
