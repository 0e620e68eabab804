"""The Python API: the commands of the command line as functions, with the same options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.evaluation_plan import SAMPLES

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.evaluation import Evaluation
    from ganzoo.studio.model import Model
    from ganzoo.training.observers.optional import Watcher
    from ganzoo.training.run import Run


def catalogue(kind: str | None = None) -> dict[str, list[str]]:
    """Return the installed names by kind, of one ``kind`` or of all; raises ``UserError`` for an unknown kind."""
    registry = installed()
    if kind is not None:
        return {kind: list(registry.names(kind))}
    names: dict[str, list[str]] = {}
    for entry in registry:
        names.setdefault(entry.item.kind, []).append(entry.item.name)
    return names


def train(
    variant: str,
    *,
    preset: str | None = None,
    config: Mapping[str, Any] | None = None,
    progress: bool = True,
    resume: bool = False,
    observers: Sequence[Watcher] = (),
    **options: Any,
) -> Run:
    """Train ``variant`` and return the run.

    ``options`` are the options of ``ganzoo train`` with underscores: ``train("cgan", conditioner="multiply",
    dataset="mnist", steps=5000, optimizer_lr=1e-4)``. ``config`` is the content of a ``config.json``;
    ``resume`` continues the run in ``out``. Each of ``observers`` is a function that is called with every report, or an
    object of a class derived from :class:`ganzoo.plugin.Observer`; their errors never end the training. Raises
    :class:`~ganzoo.errors.UserError`, before anything is written, where something is invalid.
    """
    selection = select(installed(), variant, options, preset, config)
    from ganzoo.training import run
    from ganzoo.training.observers.progress import ProgressDisplay

    return run.train(selection, [ProgressDisplay()] if progress else [], resume, observers)


def load(path: str | Path) -> Model:
    """Return the model in a ``.safetensors`` file or a run folder; it can generate examples without the dataset."""
    from ganzoo.studio.model import Model

    return Model.read(Path(path), installed())


def sample(
    path: str | Path,
    count: int = 64,
    label: Any = None,
    seed: int = 0,
    controls: Mapping[str, Any] = MappingProxyType({}),
) -> Tensor:
    """Generate ``count`` examples with the model at ``path``; images are float32 (count, C, H, W) in [-1, 1].

    ``controls`` chooses what else the model lets one choose, by name, such as the codes of an InfoGAN.
    """
    return load(path).sample(count, label=label, seed=seed, controls=controls)


def evaluate(
    model: str | Path | Model,
    *,
    dataset: str | None = None,
    metrics: Iterable[str] = (),
    judge: str | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
    data_root: str | Path | None = None,
    device: str = "cpu",
    **options: Any,
) -> Evaluation:
    """Evaluate a model, or the model at a path, and return what ``ganzoo evaluate`` shows.

    ``options`` are the options of the dataset, the judge and the metrics with underscores: ``dataset_size=32``. Raises
    :class:`~ganzoo.errors.UserError` where something is invalid, or the examples are too few for a metric.
    """
    from ganzoo.step.device import choose_device
    from ganzoo.studio.evaluation import evaluate as evaluate_model
    from ganzoo.studio.model import Model

    return evaluate_model(
        model if isinstance(model, Model) else load(model),
        installed(),
        dataset=dataset,
        metrics=metrics,
        judge=judge,
        samples=samples,
        seed=seed,
        data_root=Path(data_root) if data_root is not None else None,
        device=choose_device(device),
        flags={name.replace("_", "-"): value for name, value in options.items()},
    )
