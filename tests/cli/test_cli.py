"""The command itself: help, version, exit statuses, interrupts and unforeseen errors."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import ganzoo as package
from ganzoo.cli import main
from ganzoo.testing.command_lines import Answer, ganzoo, lacks

COMMANDS = (
    "list",
    "info",
    "plugins",
    "train",
    "sample",
    "walk",
    "edit",
    "translate",
    "evaluate",
    "augment",
    "convert",
    "export",
    "bench",
    "doctor",
)


# Answers


@pytest.mark.parametrize("words", [(command, flag) for command in ("", *COMMANDS) for flag in ("-h", "--help")])
def test_every_command_has_a_help_text(words: tuple[str, ...]) -> None:
    answer = ganzoo(*filter(None, words))
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: {' '.join(['ganzoo', *filter(None, words[:1])])}")


def test_the_help_text_names_every_command() -> None:
    assert lacks(ganzoo("--help").out, COMMANDS) == []


def test_the_version() -> None:
    assert ganzoo("--version").out.split()[-1] == package.__version__ == version("ganzoo")


def test_no_words_at_all_show_what_could_be_asked() -> None:
    answer = ganzoo()
    assert answer.status == 2
    assert lacks(answer.out + answer.err, COMMANDS) == []


# What goes wrong otherwise


def exits(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    "words", [("--debug", "train", "cgann"), ("train", "--debug", "cgann"), ("info", "hing", "--debug")]
)
def test_debug_shows_the_traceback(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert exits(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Traceback")
    assert "did you mean" in captured.err.splitlines()[-1]


def test_debug_changes_nothing_where_all_goes_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("--debug", "list", "loss") == exits("list", "loss") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]


def failing(problem: BaseException) -> Any:
    def fail() -> None:
        raise problem

    return fail


def test_an_interrupt_is_told_and_gives_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.cli.listing.installed", failing(KeyboardInterrupt()))
    answer = ganzoo("list")
    assert (answer.status, answer.out, answer.err.strip()) == (130, "", "interrupted")


@pytest.mark.parametrize(("text", "told"), [("disk\n\n  on fire", "disk on fire"), ("", "RuntimeError")])
def test_what_nobody_foresaw_is_told_in_one_line_and_gives_1(
    text: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.cli.listing.installed", failing(RuntimeError(text)))
    assert ganzoo("list") == Answer(1, "", f"ganzoo: failed: {told} (--debug shows the traceback)\n")
    assert "Traceback" in ganzoo("list", debug=True).err


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "ganzoo", "list"], capture_output=True, text=True, check=False)
    script = subprocess.run(
        [Path(sys.executable).parent / "ganzoo", "list"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (script.returncode, script.stdout, script.stderr)
    assert done.returncode == 0
