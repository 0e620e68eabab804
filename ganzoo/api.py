"""The Python API: the commands of the command line as functions, with the same options."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ganzoo.batches.workers import leave_if_starting
from ganzoo.catalogue import Registry, Slot, installed, select
from ganzoo.catalogue.evaluation_plan import SAMPLES
from ganzoo.catalogue.local import Adopted, own_objects
from ganzoo.catalogue.selecting_again import chooser
from ganzoo.catalogue.selection import recipe_slots
from ganzoo.durations import read_duration
from ganzoo.errors import UserError
from ganzoo.paths import user_path
from ganzoo.storage.config_files import read_config
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import warn

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
    config: Mapping[str, Any] | str | Path | None = None,
    progress: bool = True,
    resume: bool = False,
    start: str | Path | Run | None = None,
    time: str | float | None = None,
    observers: Watcher | Sequence[Watcher] = (),
    **options: Any,
) -> Run:
    """Train ``variant`` and return the run.

    ``options`` are the options of ``ganzoo train`` with underscores: ``train("cgan", conditioner="multiply",
    dataset="mnist", steps=5000, optimizer_lr=1e-4)``. A class or an object may take the place of a component's name:
    ``loss=MyLoss``, ``generator=MyModule()``, ``dataset=my_torch_dataset``, ``penalty=[MyPenalty(), "r1"]``
    (docs/notebook.md). ``config`` is the path or the content of a config file (docs/config.md); ``resume`` continues
    the run in ``out``, or that of ``config="RUN/config.json"``, with its own choices; its length, learning rates,
    schedules and intervals may be changed. ``start`` is a model, or a run, whose weights the networks start with as far
    as they fit (``--from``). ``time`` is how long to train, from now to the last file, in seconds or as ``"90s"``,
    ``"10m"``: it chooses the steps (``--time``). Each of ``observers`` is a function that is called with
    every report, or an object of a class derived from :class:`ganzoo.plugin.Observer`; their errors never end the
    training.

    Ctrl-C ends the training after its step, saves it, and then raises ``KeyboardInterrupt``; a second Ctrl-C raises it
    at once. SIGTERM, SIGHUP, SIGUSR1 and on Windows SIGBREAK have their usual effect, also after the save: they end the
    process, unless the program handles them. If the program handles a signal and goes on, the run is returned, and is
    not ``finished``. Raises
    :class:`~ganzoo.errors.UserError`, before anything is written, where something is invalid.
    """
    began = monotonic()
    leave_if_starting()
    if time is not None and resume:
        raise UserError("time= is for a new training: with resume=True, give more steps=")
    seconds = None if time is None else read_duration(time)
    file = read_config(config) if isinstance(config, str | Path) else config
    if resume and isinstance(config, str | Path) and options.get("out") is None:
        options["out"] = RunFolder.of_config(config)
    registry = installed()
    slots = recipe_slots(registry, registry.variant(variant))
    if resume and config is None:
        out = options.get("out")
        file = RunFolder.choices_to_resume(user_path(out) if out is not None else None, variant)
    objects = own_objects(slots, options)
    adopted = _adopted(registry, slots, objects)
    named = {name.replace("_", "-"): value for name, value in options.items()}
    registry, named["metric"] = _with_metrics(adopted.registry, named.get("metric"))
    if start is not None:
        named["from"] = start if isinstance(start, str | Path) else start.folder.path
    # What an object implies gives way to what was named for that very slot.
    flags = {**adopted.implied, **named, **adopted.names}
    if seconds is None:
        selection = select(registry, variant, flags, preset, file)
    else:
        from ganzoo.studio.time_budget import fit

        selection = fit(seconds, began, chooser(registry, variant, flags, preset, file), warn)
    from ganzoo.training import run
    from ganzoo.training.observers.notebook import usual_display

    given: Any = observers  # a program may give anything
    watching = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    done = run.train(selection, [usual_display()] if progress else [], resume, watching)
    if done.signal is not None:
        if done.is_first:
            warn(f"stopped after {done.steps} steps and saved; out={str(done.folder.path)!r} with resume=True goes on")
        # It has waited for the save. A loop over trainings must end, as it would without one.
        signal.raise_signal(done.signal)
    return done


def load(model: str | Path | Run, **parts: Any) -> Model:
    """Return the model of a run, or that in a ``.safetensors`` file or a run folder; it needs no dataset.

    ``parts`` are the classes and objects that it was trained with: ``load(path, generator=MyModule)``. A run that
    :func:`train` returned has them already.
    """
    from ganzoo.studio.model import Model
    from ganzoo.training.run import Run

    if isinstance(model, Run):
        return Model.read(model.folder.path, model.registry, parts)
    return Model.read(user_path(model), installed(), parts)


def sample(
    model: str | Path | Run,
    count: int | None = None,
    label: Any = None,
    seed: int = 0,
    controls: Mapping[str, Any] = MappingProxyType({}),
    *,
    input: Any = None,
    z: Tensor | None = None,
) -> Tensor:
    """Generate ``count`` examples with a model, by default 64; images are float32 (count, C, H, W) in [-1, 1].

    ``label`` is a condition, or several in turn; a model that makes images from images takes them as ``input``.
    ``controls`` chooses what else the model lets one choose, by name, such as the codes of an InfoGAN.
    ``z`` is noise (count, …) instead of random numbers.
    """
    return load(model).sample(count, label=label, seed=seed, controls=controls, input=input, z=z)


def evaluate(
    model: str | Path | Run | Model,
    *,
    dataset: Any = None,
    metrics: Any = (),
    judge: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    data_root: str | Path | None = None,
    device: str = "cpu",
    **options: Any,
) -> Evaluation:
    """Evaluate a model, a run or the model at a path, and return what ``ganzoo evaluate`` shows.

    A path may also be that of examples that somebody else made: a folder of images, or a ``.npz`` file. They need
    ``dataset``. ``samples`` is how many examples to generate, by default 10000, or how many that exist to take.
    ``dataset`` is a name, or data as :func:`train` takes it; ``metrics`` are names, or classes and objects, one or
    several. ``options``
    are the options of the dataset, the judge and the metrics with underscores: ``dataset_size=32``. Raises
    :class:`~ganzoo.errors.UserError` where something is invalid, or the examples are too few for a metric.
    """
    from ganzoo.step.device import choose_device
    from ganzoo.studio.evaluation import DATASET, evaluate_examples
    from ganzoo.studio.evaluation import evaluate as evaluate_model
    from ganzoo.studio.made_elsewhere import is_made_elsewhere
    from ganzoo.studio.model import Model

    path = user_path(model) if isinstance(model, str | Path) else None
    examples = path is not None and is_made_elsewhere(path)
    loaded = model if isinstance(model, Model) else None if examples else load(model)
    known = loaded.registry if loaded is not None else installed()
    adopted = _adopted(known, [DATASET], own_objects([DATASET], {DATASET.name: dataset}))
    registry, names = _with_metrics(adopted.registry, metrics)
    named: str | None = adopted.names.get(DATASET.name, dataset)
    usual: dict[str, Any] = {
        "metrics": names.split(",") if isinstance(names, str) else names or (),
        "judge": judge,
        "seed": seed,
        "data_root": user_path(data_root) if data_root is not None else None,
        "device": choose_device(device),
        "flags": {name.replace("_", "-"): value for name, value in options.items()},
    }
    if loaded is not None:
        return evaluate_model(loaded, registry, dataset=named, samples=samples or SAMPLES, **usual)
    assert path is not None
    if named is None:
        raise UserError(f"{path} is no model: to compare its examples with real ones, name a dataset")
    return evaluate_examples(path, registry, dataset=named, samples=samples, **usual)


def _adopted(registry: Registry, slots: Sequence[Slot], objects: Mapping[str, Any]) -> Adopted:
    """Return the components of classes and objects; without any, torch is not imported."""
    if not objects:
        return Adopted(registry)
    from ganzoo.own.adopt import adopt

    return adopt(registry, slots, objects)


def _with_metrics(registry: Registry, metrics: Any) -> tuple[Registry, Any]:
    """Return ``registry`` with the metrics that are classes or objects, and ``metrics`` with their names in place."""
    if isinstance(metrics, str | None):
        return registry, metrics
    given = list(metrics) if isinstance(metrics, Iterable) and not isinstance(metrics, type) else [metrics]
    if all(isinstance(metric, str) for metric in given):
        return registry, tuple(given)
    from ganzoo.own.adopt import adopt_metrics

    return adopt_metrics(registry, given)
