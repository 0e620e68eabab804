"""``ganzoo train``."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import click

from ganzoo.cli.candidates import every_preset, files, names_of
from ganzoo.cli.output import tell, tell_loading
from ganzoo.cli.parts import PartsCommand, selected, selects_again
from ganzoo.cli.plugin_option import command_again
from ganzoo.cli.words import Word, values
from ganzoo.durations import read_duration
from ganzoo.errors import UserError
from ganzoo.paths import user_path
from ganzoo.report.record import read_runs
from ganzoo.report.scores import number, scores
from ganzoo.signals import SIGNALLED, raise_overdue
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import lasting

if TYPE_CHECKING:
    from ganzoo.training.run import Run


@final
class TrainCommand(PartsCommand):
    """Takes the variant as its first plain word."""

    use = "train"
    example = f"ganzoo {use}"

    def variant_in(self, words: Sequence[Word]) -> str:
        """Return the first plain word, or nothing."""
        return next((word.value for word in words if not word.flag and word.value), "")

    def file_of(self, words: Sequence[Word], variant: str) -> Mapping[str, Any]:
        """Return the choices of the run that the line resumes, if it does."""
        if not any(word.flag == "--resume" for word in words):
            return {}
        out = values(words).get("--out")
        return RunFolder.choices_to_resume(user_path(out) if out is not None else None, variant)


@click.command(cls=TrainCommand, options_metavar="[OPTIONS]")
@click.argument("variant", required=False, metavar="VARIANT", expose_value=False, shell_complete=names_of("variant"))
@click.option(
    "--preset",
    metavar="NAME",
    expose_value=False,
    shell_complete=every_preset,
    help="Our best settings (default), the settings of the source (published), or another one that `ganzoo info "
    "VARIANT` lists, such as fast.",
)
@click.option(
    "--config",
    metavar="FILE",
    shell_complete=files,
    help="Repeat the choices of a RUN/config.json, or take those in a JSON or TOML file of yours; options on the "
    "command line overrule them.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue from the newest checkpoint: the run in --out, or that of --config RUN/config.json, or else the "
    "newest one of VARIANT. The choices of the run are kept; its length, learning rates, schedules and intervals may "
    "be changed. If there is no checkpoint, start a new run.",
)
@click.option(
    "--time",
    "duration",
    metavar="TIME",
    help="Train for about this long, from now to the last file, such as 90s, 10m or 1h30m: choose steps, preset and "
    "average for it.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check that everything fits together, and tell parameters, memory, speed and time, which a few steps on the "
    "real data measure. Nothing is written or downloaded.",
)
def train(config: str | None, resume: bool, duration: str | None, dry_run: bool) -> int:
    """Train VARIANT and write a run folder.

    The run folder contains the model, its configuration, metrics and pictures. Without --dataset, the model is trained
    on the default dataset of the variant.
    """
    began = time.monotonic()
    selection = selected()
    seconds = _seconds(duration, resume)
    if config is not None and resume and selection.run.out is None:
        selection = selection.with_out(RunFolder.of_config(config))
    tell_loading(f"train {selection.variant}")
    # Imported here because it imports torch: problems that need no torch have been reported by now.
    from ganzoo.assembly.dry_run import assemble
    from ganzoo.training.observers.progress import ProgressDisplay
    from ganzoo.training.run import train as train_selection
    from ganzoo.training.start import check_starts

    # torch clears every error that is raised while its C code imports numpy.
    raise_overdue()
    if seconds is not None:
        from ganzoo.studio.time_budget import fit

        selection = fit(seconds, began, selects_again(), lambda text: tell(text, err=True))
    if dry_run:
        from ganzoo.cli.estimates import tell_estimate

        data = assemble(selection)
        if not resume:  # a checkpoint has the weights
            check_starts(selection, data)
        tell_estimate(selection, data, resume)
        return 0
    run = train_selection(selection, [ProgressDisplay()], resume)
    status = 0 if run.finished else SIGNALLED + (run.signal or signal.SIGINT)
    if not run.is_first:
        return status
    path = run.folder.path
    if not run.finished:
        tell(f"stopped after {run.steps:,} steps and wrote a checkpoint; to continue:", err=True)
        again = command_again("train", "--config", str(run.folder.config), "--out", str(path), "--resume")
        tell(f"  {again}", err=True, wrap=False)
    tell("\n".join(_summary(run)), err=True)
    # Among the images of a folder, a picture of samples would be one of them the next time.
    within = Path.cwd().is_relative_to(selection.run.data_root.resolve())
    out = path / "samples.png" if within else Path("samples.png")
    tell(_how_to_sample(run, out), err=True, wrap=False)
    return status


def _seconds(duration: str | None, resume: bool) -> float | None:
    """Return the seconds of ``--time``; raises :class:`UserError` where they cannot be kept."""
    if duration is None:
        return None
    if resume:
        raise UserError("--time is for a new training: with --resume, give more --steps")
    return read_duration(duration)


def _summary(run: Run) -> Iterator[str]:
    """Yield how long the training took, its figures, and where everything is."""
    folder = run.folder
    speed = f", {run.steps / run.seconds:,.1f} steps/s" if run.seconds > 0 else ""
    yield f"{run.steps:,} steps in {lasting(run.seconds)} of training{speed}"
    (record,) = read_runs([folder.path])
    for score in scores(record).values():
        best = f", best {number(score.best[1])} at step {score.best[0]:,}" if score.best else ""
        real = f", real examples {number(score.real)}" if score.real is not None else ""
        yield f"{score.label}: last {number(score.last[1])}{best}{real}"
    yield f"model: {folder.model}"
    if folder.best.exists():
        yield f"best model by its metrics: {folder.best}"
    yield f"pictures: {folder.samples}, {folder.animation}, {folder.curves}"
    if folder.report.exists():
        yield f"report: {folder.report}"


def _how_to_sample(run: Run, out: Path) -> str:
    """Return a line with a command that works as it is."""
    from ganzoo.contract.field_values import values_of

    values = values_of(run.condition) if run.condition is not None else None
    words = [] if values is None or values.has_every else ["--label", run.label]
    if values is None or values.has_every or run.label:
        return f"sample it: {command_again('sample', str(run.folder.path), *words, '--out', str(out))}"
    needed = "--input" if values.inputs else "--label"
    return f"sample it with {needed}, which this explains: {command_again('sample', '--help')}"
