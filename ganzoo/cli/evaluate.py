"""``ganzoo evaluate``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.catalogue import Registry, installed
from ganzoo.catalogue.evaluation_plan import SAMPLES
from ganzoo.cli.models import model_argument, refuse_if_missing
from ganzoo.cli.output import print_json, print_table, tell
from ganzoo.errors import UserError
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file

if TYPE_CHECKING:
    from ganzoo.evaluation import Evaluation, Figure

HEADINGS = ("figure", "value", "real examples get", "better is")
_FLAGS = "ganzoo.flags"


class EvaluateCommand(click.Command):
    """A command that also takes the options of the data, the judge and the metrics."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options of parts out of the line, and let click parse the rest."""
        own = {flag for param in self.get_params(ctx) for flag in param.opts}
        rest, ctx.meta[_FLAGS] = _without_part_options(args, own, installed())
        return super().parse_args(ctx, rest)


@click.command(cls=EvaluateCommand, options_metavar="[OPTIONS]")
@model_argument
@click.option("--dataset", metavar="NAME", help="The real data; without it, what the model was trained on.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME",
    help="What to compute; may be repeated. Without it, every metric that fits and does not take long.",
)  # fmt: skip
@click.option("--judge", metavar="NAME", help="Who looks at the examples; without it, the judge that the data names.")
@click.option("--samples", type=click.IntRange(1, 2**31), default=SAMPLES, show_default=True, help="Examples to make.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of these examples.")
@click.option(
    "--data-root", type=click.Path(path_type=Path), metavar="PATH",
    help="Folder with the datasets' files; without it, the one that the model was trained with, or data.",
)  # fmt: skip
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True,
    help="Where to compute.",
)  # fmt: skip
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="FILE",
    help="What `ganzoo evaluate --json` printed for another model, to compare with.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def evaluate(model: Path, metrics: tuple[str, ...], against: Path | None, as_json: bool, **asked: Any) -> None:
    """Hold what MODEL makes, a .safetensors file or a run folder, against real data.

    A small judge looks at the examples. It is trained once for a dataset, in a minute or so, kept in the user's cache
    (or in $GANZOO_CACHE), and named in every figure that depends on it: figures of different judges mean different
    things. Beside every value stands what real examples get: one half of them held against the other.

    Options of the data, the judge and the metrics have their names in front: --dataset-size 32, --kernel-subsets 50;
    `ganzoo info NAME` shows them.
    """
    refuse_if_missing(model)
    registry = installed()
    names = tuple(name for given in metrics for name in given.split(","))
    _refuse_unknown(registry, asked["dataset"], asked["judge"], names)
    # torch is imported only now: everything that can be told from names has been told.
    import ganzoo
    from ganzoo.step.device import choose_device
    from ganzoo.studio.evaluation import evaluate as held_against
    from ganzoo.training.observers.tracking import Tracker

    other = _read(against) if against is not None else None
    tracker = Tracker()
    began = time.perf_counter()
    found = held_against(
        ganzoo.load(model),
        registry,
        dataset=asked["dataset"],
        metrics=names,
        judge=asked["judge"],
        samples=asked["samples"],
        seed=asked["seed"],
        data_root=asked["data_root"],
        device=choose_device(asked["device"]),
        flags=click.get_current_context().meta[_FLAGS],
        track=tracker,
        say=tracker.say,
        against=(other, str(against)) if other is not None else None,
    )
    seconds = round(time.perf_counter() - began, 2)
    if as_json:
        print_json({"model": str(model), "seed": asked["seed"], "seconds": seconds, **found.to_json()})
        return
    tell("\n".join(_lines(found, seconds)), err=True)
    if other is None:
        print_table(HEADINGS, [_row(figure) for figure in found.figures])
    else:
        rows = [(*_row(figure), _there(other.figure(figure.label))) for figure in found.figures]
        print_table((*HEADINGS, "there"), rows)


def _refuse_unknown(registry: Registry, dataset: str | None, judge: str | None, metrics: Sequence[str]) -> None:
    for kind, names in (("dataset", [dataset]), ("judge", [judge]), ("metric", metrics)):
        for name in filter(None, names):
            registry.entry(kind, name)


def _without_part_options(
    args: Sequence[str], own: set[str], registry: Registry
) -> tuple[list[str], Mapping[str, str]]:
    """Return the line without the options of parts, and these."""
    prefixes = tuple(f"--{name}-" for name in ("dataset", "judge", *registry.names("metric")))
    rest: list[str] = []
    flags: dict[str, str] = {}
    words = iter(args)
    for word in words:
        flag, given, value = word.partition("=")
        if flag in own or not flag.startswith(prefixes):
            rest.append(word)
            continue
        found = value if given else next(words, None)
        if found is None:
            raise UserError(f"option {flag!r} needs a value; `ganzoo info NAME` shows which")
        flags[flag.removeprefix("--")] = found
    return rest, flags


def _read(path: Path) -> Evaluation:
    from ganzoo.evaluation import Evaluation

    try:
        value = json.loads(read_file(path, MAX_DOCUMENT_BYTES))
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    except (ValueError, RecursionError) as problem:
        raise UserError(f"{path} is no JSON: give what `ganzoo evaluate --json` printed") from problem
    return Evaluation.from_json(value, str(path))


def _lines(found: Evaluation, seconds: float) -> Iterator[str]:
    real = f"{found.real} real examples of {found.dataset} ({found.split})"
    yield f"{found.samples} samples against {real}, {seconds:.1f} s"
    name, accuracy = found.judge["name"], found.judge["accuracy"]
    if name:
        known = f", right on {accuracy:.2%} of real examples that it had not seen" if accuracy is not None else ""
        yield f"judge: {name}{known}"


def _row(figure: Figure) -> tuple[str, ...]:
    better = {"high": "higher", "low": "lower", "neither": "-"}[figure.aim]
    return figure.label, _value(figure.value, figure.error), _value(figure.floor, figure.floor_error), better


def _there(figure: Figure | None) -> str:
    return "-" if figure is None else _value(figure.value, figure.error)


def _value(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if error is None else f"{value:.4g} ± {error:.2g}"
