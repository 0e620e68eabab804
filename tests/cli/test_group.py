"""Commands of plugins: shown under their package, imported only when they run, with the exit statuses of ganzoo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.catalogue import Command, installed
from ganzoo.catalogue.component import OWN_COMMANDS
from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.catalogue.registry import Registry
from ganzoo.cli import cli
from ganzoo.testing.command_lines import Answer, ganzoo, lacks, problem
from ganzoo.testing.plugin_files import COMMAND, write_plugin


def test_the_names_that_no_plugin_may_take_are_those_of_the_commands() -> None:
    assert set(OWN_COMMANDS) == set(cli.commands)


@pytest.fixture
def hello(tmp_path: Path) -> tuple[str, str]:
    """The option with a file that adds the command ``hello``."""
    return "--plugin", str(write_plugin(tmp_path / "my_gan.py", COMMAND))


def with_command(monkeypatch: pytest.MonkeyPatch, target: str, summary: str = "says hello") -> None:
    """Add the command ``hello`` of a package to what is installed."""
    command = Command(name="hello", summary=summary, target=target)
    registry = Registry(
        [*installed().plugins, Plugin(Provider("greeting", "ganzoo-hello", "1.0"), commands=(command,))]
    )
    monkeypatch.setattr("ganzoo.catalogue.registry._in_use", [registry])


# Where they are shown


def test_a_command_is_shown_under_its_package(monkeypatch: pytest.MonkeyPatch, hello: tuple[str, str]) -> None:
    own = ganzoo("--help").out
    assert "Commands of" not in own
    assert ganzoo("--help", *hello).out.endswith("\nCommands of my_gan.py:\n  hello  Say hello.\n")
    with_command(monkeypatch, "no_such_module:hello", "says \x1b[31mhello")
    shown = ganzoo("--help").out
    assert shown.startswith(own.rstrip())
    assert shown.endswith("\nCommands of ganzoo-hello 1.0:\n  hello  says \\x1b[31mhello\n")


def test_a_command_is_listed_with_its_plugin(hello: tuple[str, str]) -> None:
    assert ganzoo("plugins", *hello).out.splitlines()[-1].split("\t")[::2] == ["my_gan", "command 1"]
    assert "command hello" in ganzoo("plugins", "--json", *hello).out
    assert "hello" not in ganzoo("list", *hello).out


def test_a_command_is_imported_only_when_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with_command(monkeypatch, "no_such_module:hello")
    for words in ((), ("list",), ("info", "cgan"), ("plugins",)):
        assert ganzoo(*words, "--help").status == 0
    said = problem("hello")
    assert lacks(said, ("command 'hello' of package ganzoo-hello", "no_such_module")) == []


# How they run


def answer_of(hello: tuple[str, str], *words: str) -> Answer:
    return ganzoo(*hello, "hello", *words)


def test_a_command_runs_and_has_a_help_text(hello: tuple[str, str]) -> None:
    assert answer_of(hello) == Answer(0, "hello\n", "")
    assert answer_of(hello, "--help").out.startswith("Usage: ganzoo hello [OPTIONS] [HOW]\n")


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("input", 2, "ganzoo: the moon is full"),
        ("bug", 1, "ganzoo: failed in command 'hello' of my_gan.py: no moon (--debug shows the traceback)"),
        ("exit 0", 0, ""),
        ("exit 3", 1, "ganzoo: failed in command 'hello' of my_gan.py: 3 (--debug shows the traceback)"),
        ("context 7", 1, ""),
        ("returns 9", 1, ""),
        ("returns text", 0, ""),
        ("interrupt", 130, "interrupted"),
    ],
)
def test_a_command_ends_with_the_statuses_of_ganzoo(how: str, status: int, said: str, hello: tuple[str, str]) -> None:
    answer = answer_of(hello, how)
    assert (answer.status, answer.out, answer.err.strip()) == (status, "", said)


def test_a_misspelt_command_suggests_the_nearest(hello: tuple[str, str]) -> None:
    assert "Did you mean 'hello'?" in problem(*hello, "helo")
    assert "Did you mean 'train'?" in problem(*hello, "trian")


def test_an_unknown_option_of_a_command_is_told(hello: tuple[str, str]) -> None:
    assert "no option is called '--nope'. `ganzoo hello --help`" in problem(*hello, "hello", "--nope")


@pytest.mark.parametrize("target", ["json:dumps", "json:decoder", "json:no_such_name"])
def test_what_is_no_click_command_is_told(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_command(monkeypatch, target)
    assert lacks(problem("hello"), ("command 'hello' of package ganzoo-hello fails",)) == []


@pytest.mark.parametrize("name", OWN_COMMANDS)
def test_no_plugin_replaces_a_command_of_ganzoo(name: str, tmp_path: Path) -> None:
    path = write_plugin(tmp_path / "evil.py", COMMAND.replace('name="hello"', f'name="{name}"'))
    assert lacks(problem("list", "--plugin", path), ("evil.py", f"{name!r}", "ganzoo's own")) == []


def test_torch_is_not_imported_for_a_command(hello: tuple[str, str]) -> None:
    code = "import sys, ganzoo.cli; s = ganzoo.cli.run(sys.argv[1:]); sys.exit(s or 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *hello, "hello"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
