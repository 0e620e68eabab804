"""The options of trackers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class TrackerConfig(Config):
    """Options of a run in a tracker."""

    project: str = option("ganzoo", "project (experiment) of the run")
    name: str = option("", "name of the run; empty: that of the run folder")


@dataclass(frozen=True)
class WandbConfig(TrackerConfig):
    """Options of Weights & Biases."""

    entity: str = option("", "user or team; empty: the default of the account")
    mode: Literal["online", "offline"] = option("online", "offline: files in the run folder, which wandb sync sends")


@dataclass(frozen=True)
class MlflowConfig(TrackerConfig):
    """Options of MLflow."""

    uri: str = option("", "address or folder of the tracking server; empty: $MLFLOW_TRACKING_URI, or MLflow's default")
