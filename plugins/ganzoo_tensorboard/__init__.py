"""Trackers as observers: TensorBoard, Weights & Biases, MLflow."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl
from ganzoo_tensorboard.configs import MlflowConfig, WandbConfig


@hookimpl
def ganzoo_observers() -> Iterable[Component]:
    """Return the observers of this plugin."""
    yield Component(
        kind="observer",
        name="tensorboard",
        summary="losses, scores and pictures as TensorBoard events (needs ganzoo[tensorboard])",
        target="ganzoo_tensorboard.events:TensorBoardEvents",
    )
    yield Component(
        kind="observer",
        name="wandb",
        summary="losses, scores, pictures and options as a run of Weights & Biases (needs ganzoo[wandb])",
        target="ganzoo_tensorboard.trackers:WandbRun",
        config=WandbConfig,
        strengths="Compares runs of several machines in a browser; a resumed run goes on there.",
        pitfalls="Sends data to a server unless the mode is offline.",
    )
    yield Component(
        kind="observer",
        name="mlflow",
        summary="losses, scores, pictures and options as a run of MLflow (needs ganzoo[mlflow])",
        target="ganzoo_tensorboard.trackers:MlflowRun",
        config=MlflowConfig,
        strengths="Compares runs in a database of your own; a resumed run goes on there.",
        pitfalls="Each report waits for the server: log less often where it is slow.",
    )
