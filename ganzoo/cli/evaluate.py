"""``ganzoo evaluate``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.catalogue import Component, Registry, installed
from ganzoo.catalogue.evaluation_plan import SAMPLES
from ganzoo.cli.candidates import names_of
from ganzoo.cli.models import UserPath, output_option, refuse_if_missing
from ganzoo.cli.output import print_json, print_table, tell, tell_loading
from ganzoo.cli.prefixed import PrefixedCommand, collected, meant
from ganzoo.errors import UserError
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file
from ganzoo.text import with_error

if TYPE_CHECKING:
    from ganzoo.evaluation import Evaluation, Figure

CLASSES = 10  # that are shown; of more, the worst ones
HEADINGS = ("metric", "value", "real examples", "better is")


class EvaluateCommand(PrefixedCommand):
    """A command that also takes the options of the dataset, the judge and the metrics."""

    def offered(self, given: Mapping[str, str | None]) -> Mapping[str, Sequence[Component]]:
        """Return the components whose options it takes, by the name with which these begin."""
        metrics = {name: [installed().component("metric", name)] for name in installed().names("metric")}
        return {kind: meant(kind, given.get(f"--{kind}")) for kind in ("dataset", "judge")} | metrics


@click.command(cls=EvaluateCommand, options_metavar="[OPTIONS]")
@click.argument("model", type=UserPath(), metavar="MODEL|FOLDER|FILE.npz")
@click.option(
    "--dataset",
    metavar="NAME",
    shell_complete=names_of("dataset"),
    help="The real data; without it, the dataset that the model was trained on.",
)
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", shell_complete=names_of("metric", several=True),
    help="A metric to compute; may be repeated. Without it, every metric that fits and is fast.",
)  # fmt: skip
@click.option(
    "--judge",
    metavar="NAME",
    shell_complete=names_of("judge"),
    help="The judge for the metrics; without it, the default judge of the dataset.",
)
@output_option
@click.option(
    "--samples",
    type=click.IntRange(1, 2**31),
    help=f"The number of examples to generate; of examples that exist, how many of them to take.  [default: {SAMPLES}; "
    "all that exist]",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of the generated examples."
)
@click.option(
    "--data-root", type=UserPath(), metavar="PATH",
    help="The folder with the datasets' files; without it, the folder that the model was trained with, or data.",
)  # fmt: skip
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True,
    help="Where to compute.",
)  # fmt: skip
@click.option(
    "--against", type=UserPath(), metavar="FILE",
    help="Compare with another model: a file with its output of `ganzoo evaluate --json`.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def evaluate(model: Path, metrics: tuple[str, ...], against: Path | None, as_json: bool, **options: Any) -> None:
    """Measure how good a model's samples are, compared with real data.

    MODEL is a .safetensors file or a run folder. Examples that somebody else made are measured in the same way: a
    FOLDER of images, in sub-folders of their classes if they have some, or a FILE.npz with arrays, such as images and
    labels; they need --dataset. Many metrics need a judge: a small classifier, which is trained once
    for a dataset in about a minute, and stored in the user's cache folder (or in $GANZOO_CACHE). Its name is part of
    every result that depends on it: results with different judges cannot be compared. For each metric the value of real
    examples is shown too: one half of them compared with the other half.

    The options of the dataset, the judge and the metrics begin with their names: --dataset-size 32, --kernel-subsets
    50; `ganzoo info NAME` shows them.
    """
    refuse_if_missing(model)
    registry = installed()
    names = tuple(name for given in metrics for name in given.split(","))
    _refuse_unknown(registry, options["dataset"], options["judge"], names)
    if not as_json:
        tell_loading(f"evaluate {model}")
    # Imported here because it imports torch: problems that need no torch have been reported by now.
    import ganzoo
    from ganzoo.contract.tracking import tracked_by
    from ganzoo.step.device import choose_device
    from ganzoo.studio.evaluation import evaluate as evaluate_model
    from ganzoo.studio.evaluation import evaluate_examples
    from ganzoo.studio.made_elsewhere import is_made_elsewhere
    from ganzoo.training.observers.tracking import Tracker

    other = _read(against) if against is not None else None
    tracker = Tracker()
    usual: dict[str, Any] = {
        "metrics": names,
        "judge": options["judge"],
        "seed": options["seed"],
        "data_root": options["data_root"],
        "device": choose_device(options["device"]),
        "flags": collected(),
        "track": tracker,
        "say": tracker.say,
        "describe": _unheard if as_json else _tell,
        "against": (other, str(against)) if other is not None else None,
    }
    began = time.perf_counter()
    with tracked_by(tracker):
        if is_made_elsewhere(model):
            if options["dataset"] is None:
                raise UserError(f"{model} is no model: to compare its examples with real ones, give --dataset NAME")
            if options["output_name"] is not None:
                raise UserError("--output chooses among the outputs of a model: leave it out")
            found = evaluate_examples(
                model, registry, dataset=options["dataset"], samples=options["samples"], **usual
            )  # fmt: skip
        else:
            read = ganzoo.load(model)
            if options["output_name"] is not None:
                read = read.for_output(options["output_name"])
            samples = options["samples"] or SAMPLES
            found = evaluate_model(read, registry, dataset=options["dataset"], samples=samples, **usual)
    seconds = round(time.perf_counter() - began, 2)
    if as_json:
        print_json({"model": str(model), "seed": options["seed"], "seconds": seconds, **found.to_json()})
        return
    tell("\n".join(_lines(found, seconds)), err=True)
    if other is None:
        print_table(HEADINGS, [_row(figure) for figure in found.figures])
    else:
        rows = [(*_row(figure), _other_value(other.figure(figure.label))) for figure in found.figures]
        print_table((*HEADINGS, "other model"), rows)
    for figure in found.figures:
        if figure.classes:
            print_table(_class_headings(figure), _class_rows(figure))


def _tell(text: str) -> None:
    tell(text, err=True)


def _unheard(text: str) -> None:
    """Say nothing: the document is all that is asked for."""


def _refuse_unknown(registry: Registry, dataset: str | None, judge: str | None, metrics: Sequence[str]) -> None:
    for kind, names in (("dataset", [dataset]), ("judge", [judge]), ("metric", metrics)):
        for name in filter(None, names):
            registry.entry(kind, name)


def _read(path: Path) -> Evaluation:
    from ganzoo.evaluation import Evaluation

    try:
        value = json.loads(read_file(path, MAX_DOCUMENT_BYTES))
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    except (ValueError, RecursionError) as problem:
        raise UserError(
            f"{path} is not valid JSON: give a file with the output of `ganzoo evaluate --json`"
        ) from problem
    return Evaluation.from_json(value, str(path))


def _lines(found: Evaluation, seconds: float) -> Iterator[str]:
    real = f"{found.real} real examples of {found.dataset} ({found.split})"
    yield f"{found.samples} samples compared with {real}, {seconds:.1f} s"
    name, accuracy = found.judge["name"], found.judge["accuracy"]
    if name:
        known = f", accuracy {accuracy:.2%} on real examples that it was not trained on" if accuracy is not None else ""
        balanced = found.judge.get("balanced")
        by_class = f", {balanced:.2%} as the mean of the classes" if balanced is not None else ""
        yield f"judge: {name}{known}{by_class}"
    for figure in found.figures:
        if len(figure.classes) > CLASSES:
            yield f"{figure.label}: the {CLASSES} worst of {len(figure.classes)} classes are shown"


def _row(figure: Figure) -> tuple[str, ...]:
    better = {"high": "higher", "low": "lower", "neither": "-"}[figure.aim]
    return figure.label, with_error(figure.value, figure.error), with_error(figure.floor, figure.floor_error), better


def _class_headings(figure: Figure) -> tuple[str, ...]:
    return "class", figure.label, "samples", "real examples", "number of these"


def _class_rows(figure: Figure) -> list[tuple[str, ...]]:
    """Return a row for each class, for the worst ones if there are many, and one for the mean of all classes."""
    shown = list(figure.classes.items())
    if len(shown) > CLASSES:
        shown = sorted(shown, key=lambda item: 2 if item[1]["value"] is None else item[1]["value"])[:CLASSES]
    rows = [
        (
            f"{figure.name}: {name}",
            with_error(one["value"], None),
            str(one["samples"]),
            with_error(one["floor"], None),
            str(one["real"]),
        )
        for name, one in shown
    ]
    return [*rows, (f"{figure.name}: mean of the classes", with_error(figure.balanced, None), "", "", "")]


def _other_value(figure: Figure | None) -> str:
    return "-" if figure is None else with_error(figure.value, figure.error)
