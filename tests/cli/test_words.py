"""The scanner of a command line, and the one resolution of a selection that follows it."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.selection import Components, choose_components
from ganzoo.cli import cli, run
from ganzoo.cli.convert import ConvertCommand
from ganzoo.cli.options import option_groups
from ganzoo.cli.parts import PartsCommand
from ganzoo.cli.train import TrainCommand
from ganzoo.cli.words import Word, of_params, scan, values

TAKES = {"--loss": True, "--steps": True, "--tensorboard": False, "--no-tensorboard": False, "-h": False}
VARIANTS = installed().names("variant")


def scanned(line: str) -> list[tuple[str, str | None]]:
    return [(word.flag, word.value) for word in scan(line.split(), TAKES.get, {"cgan"})]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cgan", [("", "cgan")]),
        ("--loss hinge cgan", [("--loss", "hinge"), ("", "cgan")]),
        ("--loss=hinge cgan", [("--loss", "hinge"), ("", "cgan")]),
        ("--loss= cgan", [("--loss", ""), ("", "cgan")]),
        ("--loss --steps", [("--loss", "--steps")]),
        ("--steps -3", [("--steps", "-3")]),
        ("--loss", [("--loss", None)]),
        ("--tensorboard cgan", [("--tensorboard", None), ("", "cgan")]),
        ("--no-tensorboard cgan", [("--no-tensorboard", None), ("", "cgan")]),
        ("-h cgan", [("-h", None), ("", "cgan")]),
        ("-x cgan", [("-x", None), ("", "cgan")]),
        ("--unknown 3 cgan", [("--unknown", "3"), ("", "cgan")]),
        ("--unknown cgan", [("--unknown", None), ("", "cgan")]),
        ("--unknown --loss bce", [("--unknown", None), ("--loss", "bce")]),
        ("--unknown", [("--unknown", None)]),
        ("--loss bce -- --steps 3", [("--loss", "bce"), ("--", None), ("", "--steps"), ("", "3")]),
        ("- cgan", [("", "-"), ("", "cgan")]),
    ],
)
def test_options_take_their_values_as_in_click(line: str, expected: list[tuple[str, str | None]]) -> None:
    assert scanned(line) == expected


words = st.lists(st.sampled_from([*TAKES, "--loss=x", "--unknown", "--", "-", "-3", "cgan", "3", "=", ""]), max_size=8)


@given(words)
def test_no_word_is_lost(line: list[str]) -> None:
    found = list(scan(line, TAKES.get, {"cgan"}))
    assert [raw for word in found for raw in word.raw] == line


@given(words)
def test_known_options_are_read_as_click_reads_them(line: list[str]) -> None:
    known = [word for word in line if word.split("=")[0] in TAKES or not word.startswith("-") or word in ("-", "--")]
    options = [
        click.Option(["--loss"]),
        click.Option(["--steps"]),
        click.Option(["--tensorboard/--no-tensorboard"], default=None),
        click.Option(["-h"], is_flag=True),
    ]
    command = click.Command("it", params=[*options, click.Argument(["rest"], nargs=-1)], add_help_option=False)
    assert of_params(command.params) == TAKES
    try:
        read = command.make_context("it", list(known)).params
    except click.UsageError:  # a value is missing
        return
    found = list(scan(known, TAKES.get))
    assert {name: read[name] for name in ("loss", "steps") if read[name] is not None} == {
        flag.removeprefix("--"): value for flag, value in values(found).items()
    }
    assert read["rest"] == tuple(word.value for word in found if not word.flag)


def test_the_last_of_several_values_counts() -> None:
    assert values([Word(("--a=1",), "--a", "1"), Word(("x",), value="x"), Word(("--a=2",), "--a", "2")]) == {"--a": "2"}


def command_of(name: str) -> PartsCommand:
    command = cli.commands[name]
    assert isinstance(command, PartsCommand)
    return command


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("name", "kind"), [("train", TrainCommand), ("convert", ConvertCommand)])
def test_the_scanner_knows_the_options_that_click_knows(name: str, kind: type[PartsCommand], variant: str) -> None:
    command = command_of(name)
    assert isinstance(command, kind)
    # The scanner knows the options of every observer; click, those of the chosen ones.
    every = {"observer": installed().names("observer")} if "observer" in command.settings else {}
    made = option_groups(select(installed(), variant, every), command.settings, command.heading)
    by_click = of_params(option for group in made for option in group.options)
    assert command._flags_of(choose_components(installed(), variant)) == by_click


@pytest.fixture
def resolutions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The flags of every resolution of a selection."""
    calls: list[dict[str, Any]] = []
    resolve = Components.select

    def counted(self: Components, flags: Any = None) -> Any:
        calls.append(dict(flags or {}))
        return resolve(self, flags)

    monkeypatch.setattr(Components, "select", counted)
    return calls


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("train cgan --conditioner multiply --steps 3 --no-generator-norm --dry-run", 0),
        ("train cgan --steps 0 --dry-run", 2),
        ("train cgan --unknown --loss hinge", 2),
        ("convert nowhere --variant dcgan --generator-width 8", 2),
    ],
)
def test_a_command_resolves_its_selection_once(line: str, status: int, resolutions: list[dict[str, Any]]) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as err:
        assert run(line.split()) == status, err.getvalue()
    assert len(resolutions) == 1


def test_all_flags_of_a_line_reach_the_resolution(resolutions: list[dict[str, Any]]) -> None:
    line = "train --no-generator-norm cgan --generator-norm --loss=hinge --steps 3 --no-generator-norm --dry-run"
    with contextlib.redirect_stderr(io.StringIO()):
        assert run(line.split()) == 0
    assert resolutions == [{"generator-norm": False, "loss": "hinge", "steps": "3"}]


def test_an_option_of_the_command_itself_sets_nothing_in_the_selection(resolutions: list[dict[str, Any]]) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        run(["convert", "nowhere", "--variant", "dcgan", "--out", "new.safetensors", "--seed", "3"])
    assert resolutions == [{"seed": "3"}]


def test_help_shows_values_without_looking_at_those_that_are_wrong(resolutions: list[dict[str, Any]]) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert run(["train", "cgan", "--steps", "0", "--loss", "hinge", "--help"]) == 0
    assert "hinge (ganzoo)" in out.getvalue()
    assert resolutions == [{}]


def test_problems_of_all_kinds_are_reported_together() -> None:
    wrong = ["--optimzer-eps", "1", "--loss", "x", "--penalty", "nothing", "--steps", "0", "--optimizer-lr"]
    with contextlib.redirect_stderr(io.StringIO()) as err:
        assert run(["train", "cgan", *wrong]) == 2
    assert err.getvalue().splitlines()[0] == "ganzoo: 5 problems:"
    expected = (
        "no option is called '--optimzer-eps'; did you mean '--optimizer-eps'?",
        "no loss is called 'x'",
        "no penalty is called 'nothing'",
        "option 'steps' of ganzoo train must be at least 1",
        "option '--optimizer-lr' needs a value",
    )
    assert [words for words in expected if words not in err.getvalue()] == []
