"""Trackers that keep runs on a server or in a database of their own: Weights & Biases, and MLflow."""

from __future__ import annotations

import contextlib
import json
import re
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar, final

from ganzoo.plugin import Observer, Picture, Report, TrainingStart, UserError, read_file
from ganzoo_tensorboard.configs import MlflowConfig, TrackerConfig, WandbConfig
from ganzoo_tensorboard.scalars import scalars

C = TypeVar("C", bound=TrackerConfig)

MOST = 2**20  # bytes of a file that is read
LONGEST = 500  # letters of a parameter, which MLflow limits to 6,000


class Tracker(Observer, Generic[C]):
    """A run of a tracker; a resumed training goes on with it, and what comes again stands there once.

    The run folder keeps the identity of the run and its last step in a file called ``tracker``.
    """

    tracker: str

    def __init__(self, config: C):
        self.config = config

    def began(self, start: TrainingStart) -> None:
        """Begin the run, or go on with that of the training which is resumed."""
        self._file = start.folder.path / f"{self.tracker}.json"
        identity, self._last = _known(self._file) if start.step else ("", -1)
        config = json.loads(read_file(start.folder.config, MOST))
        self._identity = self.begin(identity, self.config.name or start.folder.path.absolute().name, config, start)
        self._keep()

    def reported(self, report: Report) -> None:
        """Track the numbers of a report."""
        if report.step > self._last:
            self.track(report.step, dict(scalars(report)))
            self._last = report.step
            self._keep()

    def pictured(self, picture: Picture) -> None:
        """Track a picture."""
        if picture.step > self._last or picture.step == 0:
            self.show(picture)

    @abstractmethod
    def begin(self, identity: str, name: str, config: Mapping[str, Any], start: TrainingStart) -> str:
        """Begin the run ``name``, or go on with that of an ``identity`` that is not empty; return its identity."""

    @abstractmethod
    def track(self, step: int, numbers: Mapping[str, float]) -> None:
        """Track the numbers of a step."""

    @abstractmethod
    def show(self, picture: Picture) -> None:
        """Track a picture."""

    def _keep(self) -> None:
        self._file.write_text(json.dumps({"run": self._identity, "step": self._last}), encoding="utf-8")


def _known(file: Path) -> tuple[str, int]:
    """Return the identity of a run and its last step; of a damaged or missing file, none and -1."""
    with contextlib.suppress(OSError, ValueError):
        match json.loads(read_file(file, MOST)):
            case {"run": str(identity), "step": int(step)}:
                return identity, step
    return "", -1


@final
class WandbRun(Tracker[WandbConfig]):
    """A run of Weights & Biases; needs the extra ``ganzoo[wandb]``."""

    tracker = "wandb"

    def __init__(self, config: WandbConfig):
        super().__init__(config)
        try:
            import wandb
        except ImportError as problem:
            raise _missing("wandb", problem) from problem
        self._wandb: Any = wandb

    def begin(self, identity: str, name: str, config: Mapping[str, Any], start: TrainingStart) -> str:
        """Begin the run; its own files are in the run folder."""
        self._run = self._wandb.init(
            project=self.config.project,
            entity=self.config.entity or None,
            name=name,
            id=identity or None,
            resume="allow" if identity else None,
            mode=self.config.mode,
            config=dict(config),
            dir=str(start.folder.path),
            settings=self._wandb.Settings(console="off", silent=True, disable_git=True, disable_code=True),
        )
        return str(self._run.id)

    def track(self, step: int, numbers: Mapping[str, float]) -> None:
        """Track the numbers of a step."""
        self._run.log(dict(numbers), step=step)

    def show(self, picture: Picture) -> None:
        """Track a picture, with the numbers of its step."""
        self._run.log({"samples": self._wandb.Image(picture.image)}, step=picture.step)

    def ended(self) -> None:
        """End the run, which sends what is left."""
        self._run.finish(quiet=True)


@final
class MlflowRun(Tracker[MlflowConfig]):
    """A run of MLflow; needs the extra ``ganzoo[mlflow]``."""

    tracker = "mlflow"

    def __init__(self, config: MlflowConfig):
        super().__init__(config)
        try:
            import mlflow
        except ImportError as problem:
            raise _missing("mlflow", problem) from problem
        self._mlflow: Any = mlflow

    def begin(self, identity: str, name: str, config: Mapping[str, Any], start: TrainingStart) -> str:
        """Begin the run, with every option as a parameter."""
        self._client = self._mlflow.MlflowClient(tracking_uri=self.config.uri or None)
        self._run = identity
        if identity:
            self._client.update_run(identity, status="RUNNING")
            return identity
        project = self._client.get_experiment_by_name(self.config.project)
        number = self._client.create_experiment(self.config.project) if project is None else project.experiment_id
        self._run = self._client.create_run(number, run_name=name).info.run_id
        for option, value in _flat(config):
            self._client.log_param(self._run, _allowed(option), value[:LONGEST])
        return self._run

    def track(self, step: int, numbers: Mapping[str, float]) -> None:
        """Track the numbers of a step."""
        now = round(1000 * time.time())
        metrics = [self._mlflow.entities.Metric(_allowed(name), value, now, step) for name, value in numbers.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def show(self, picture: Picture) -> None:
        """Store a picture as an artifact."""
        self._client.log_image(self._run, picture.image, artifact_file=f"samples/step-{picture.step:08d}.png")

    def ended(self) -> None:
        """End the run."""
        self._client.set_terminated(self._run)


def _missing(package: str, problem: ImportError) -> UserError:
    return UserError(
        f"--observer {package} needs a package that is not installed ({problem}): pip install 'ganzoo[{package}]'"
    )


def _allowed(name: str) -> str:
    """Return a name of which MLflow allows every letter."""
    return re.sub(r"[^\w\-. /]", "_", name)


def _flat(config: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield every option in nested mappings, with the names on the way between dots."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value if isinstance(value, str) else json.dumps(value)
