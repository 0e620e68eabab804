"""The command line: one module for each command; torch is imported only when a command needs it."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack

import click

from ganzoo import __version__
from ganzoo.catalogue import installed
from ganzoo.catalogue.attribution import attribute
from ganzoo.catalogue.plugin_files import plugins_from
from ganzoo.cli.augment import augment
from ganzoo.cli.bench import bench
from ganzoo.cli.check_data import check_data
from ganzoo.cli.compare import compare
from ganzoo.cli.completion import VARIABLE, complete
from ganzoo.cli.convert import convert
from ganzoo.cli.doctor import doctor
from ganzoo.cli.edit import edit
from ganzoo.cli.evaluate import evaluate
from ganzoo.cli.explore import explore
from ganzoo.cli.export import export
from ganzoo.cli.group import FAILURE, INVALID, Commands
from ganzoo.cli.info import info
from ganzoo.cli.listing import list_command
from ganzoo.cli.new_plugin import new_plugin
from ganzoo.cli.output import tell
from ganzoo.cli.plugin_option import OPTION, without_plugins
from ganzoo.cli.plugins import plugins
from ganzoo.cli.report import report
from ganzoo.cli.sample import sample
from ganzoo.cli.streams import prepare_streams
from ganzoo.cli.study import study
from ganzoo.cli.train import train
from ganzoo.cli.translate import translate
from ganzoo.cli.walk import walk
from ganzoo.errors import Interrupted, Refused, TrainingFailed, UserError
from ganzoo.signals import SIGNALLED, interruptible
from ganzoo.text import did_you_mean, message_of

INTERRUPTED = SIGNALLED + signal.SIGINT


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ganzoo")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks; works anywhere on the line.")
@click.option(
    OPTION,
    multiple=True,
    metavar="FILE.py",
    expose_value=False,
    help="Also load the plugin in a Python file; works anywhere on the line. May be repeated.",
)
def cli() -> None:
    """A zoo of generative adversarial networks (GANs) from plugins.

    A variant, such as cgan, is a GAN to train by name. Every part of it can be exchanged: networks, conditioner, loss,
    optimizer, dataset and more.

    The Tab key of bash completes names and options after eval "$(_GANZOO_COMPLETE=bash_source ganzoo)"; docs/config.md
    names other shells.
    """


GROUPS = {
    "Look": (list_command, info, plugins, doctor),
    "Train": (train, study, augment, check_data),
    "Use": (sample, walk, edit, translate, explore),
    "Judge": (evaluate, report, compare, bench),
    "Carry": (convert, export),
    "Extend": (new_plugin,),
}
for title, commands in GROUPS.items():
    cli.add_group(title, commands)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 success, 1 failure, 2 invalid command line or input, 128 + N ended by signal N."""
    prepare_streams()
    if instruction := os.environ.get(VARIABLE):
        sys.exit(_answer_shell(instruction))
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    sys.exit(run([word for word in given if word != "--debug"], debug))


def _answer_shell(instruction: str) -> int:
    try:
        complete(cli, instruction)
    except UserError as problem:
        tell(f"ganzoo: {problem}", err=True)
        return INVALID
    return 0


def run(arguments: Sequence[str], debug: bool = False) -> int:
    """Run a command line and return its exit status; errors are one line each on stderr."""
    # The plugin files of a line are in use until its last error is explained, and not longer.
    with ExitStack() as stack:
        return _run(arguments, debug, stack)


def _run(arguments: Sequence[str], debug: bool, stack: ExitStack) -> int:
    context: click.Context | None = None
    try:
        with interruptible():
            words, files = without_plugins(arguments)
            stack.enter_context(plugins_from(files))
            # Not cli.main(): it treats a closed pipe as a failure.
            with cli.make_context("ganzoo", words) as context:
                return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        return 0  # the reader needs no more: `ganzoo list | head`
    except click.exceptions.NoArgsIsHelpError as problem:
        problem.show()
        return problem.exit_code
    except click.ClickException as problem:
        tell(f"ganzoo: {_one_sentence(problem)}", err=True)
        return problem.exit_code
    except Interrupted as stop:
        tell("interrupted", err=True)
        return SIGNALLED + stop.number
    except (KeyboardInterrupt, click.Abort):
        tell("interrupted", err=True)
        return INTERRUPTED
    except BaseException as problem:  # a plugin may raise anything, SystemExit too
        if debug:
            tell(traceback.format_exc().rstrip(), err=True, wrap=False)
        else:
            _explain(problem, context)
        return INVALID if isinstance(problem, UserError) else FAILURE


def _one_sentence(problem: click.ClickException) -> str:
    """Return the message of a click exception in one sentence, without usage lines, with the nearest option."""
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    if isinstance(problem, click.NoSuchOption) and context is not None:
        known = [OPTION, *(flag for param in context.command.get_params(context) for flag in param.opts)]
        hint = did_you_mean(problem.option_name, known)
        return f"no option is called {problem.option_name!r}{hint} `{context.command_path} --help` shows all options"
    message = " ".join(problem.format_message().split()).rstrip(".") or type(problem).__name__
    advice = f"; see `{context.command_path} --help`" if context is not None else ""
    return f"{message[0].lower()}{message[1:]}{advice}"


def _explain(problem: BaseException, context: click.Context | None) -> None:
    if isinstance(problem, Refused) and len(problem.problems) > 1:
        tell(f"ganzoo: {len(problem.problems)} problems:", err=True)
        for line in problem.problems:
            tell(f"  - {' '.join(line.split())}", err=True)
    elif isinstance(problem, UserError):
        tell(f"ganzoo: {message_of(problem)}", err=True)
    else:
        command = cli.offered(context.invoked_subcommand) if context is not None else None
        owner = None if isinstance(problem, TrainingFailed) else attribute(problem, installed()) or command
        where = f" in {owner.label_with_package}" if owner is not None else ""
        tell(f"ganzoo: failed{where}: {message_of(problem)} (--debug shows the traceback)", err=True)
