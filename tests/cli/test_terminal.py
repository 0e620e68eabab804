"""What a terminal of 80 columns shows: whole words, wrapped between words, and nothing cut."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue import installed
from ganzoo.cli import cli, run
from ganzoo.cli.bench import HEADINGS as BENCH
from ganzoo.cli.bench import SPLIT_HEADINGS
from ganzoo.cli.evaluate import HEADINGS as EVALUATE
from ganzoo.cli.output import print_table, tell
from ganzoo.text import warn

COMMANDS = tuple(cli.commands)
VARIANTS = installed().names("variant")
WIDTH = 80


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def shown(*words: str, status: int = 0) -> str:
    """Return what a command prints on a terminal."""
    with contextlib.redirect_stdout(Terminal()) as out, contextlib.redirect_stderr(out):
        assert run(list(words)) == status, out.getvalue()
    return out.getvalue()


def piped(*words: str, status: int = 0) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        assert run(list(words)) == status, out.getvalue()
    return out.getvalue()


def too_wide(text: str) -> list[str]:
    """Return the lines that do not fit, but for those of a single word, which cannot be wrapped."""
    return [line for line in text.splitlines() if len(line) > WIDTH and len(line.split()) > 1]


def words_of(text: str) -> list[str]:
    return sorted(text.split())


# Help texts

HELPS = [
    *((command,) for command in COMMANDS),
    *(("train", variant) for variant in VARIANTS),
    *(("convert", "old.pt", "--variant", variant) for variant in VARIANTS),
]


@pytest.mark.parametrize("words", [(), *HELPS], ids=lambda words: " ".join(words) or "ganzoo")
def test_help_fits_the_terminal_and_breaks_between_words(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(*words, "--help")
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    monkeypatch.setenv("COLUMNS", "10000")
    monkeypatch.setitem(cli.context_settings, "max_content_width", 10_000)
    assert "..." not in text.replace("[VARIANT]...", "").replace("[ARGS]...", "").replace("IMAGE|FOLDER...", "")
    assert words_of(text) == words_of(shown(*words, "--help")), "a word was cut or lost"


@pytest.mark.parametrize("columns", [60, WIDTH])
def test_the_help_text_shows_a_whole_sentence_for_each_command(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = shown("--help").split("Look:")[1]
    for name, command in cli.commands.items():
        sentence = " ".join((command.help or "").split("\n\n")[0].split())
        assert re.fullmatch(r"[A-Z][^.]*\.", sentence), "one sentence"
        assert f"{name} {sentence}" in " ".join(text.split())
        if columns == WIDTH:
            assert sentence in text, "it fits one line"


# Tables

Table = tuple[tuple[str, ...], tuple[str, ...]]
TABLES: dict[str, Table] = {
    "list": (
        ("kind", "name", "summary", "package"),
        ("discriminator", "embed-multiply", "a convolutional network that multiplies, " * 3, "some-package 1.2.3"),
    ),
    "plugins": (
        ("plugin", "package", "provides"),
        ("losses", "ganzoo 0.1.0", "set aside: " + "ImportError: it cannot be imported " * 5),
    ),
    "evaluate": (EVALUATE, ("frechet (digits-cnn:0123abcd)", "12.34 ± 0.56", "0.1234 ± 0.0012", "lower")),
    "evaluate --against": (
        (*EVALUATE, "other model"),
        ("frechet (digits-cnn:0123abcd)", "12.34 ± 0.56", "0.1234 ± 0.0012", "lower", "9.87 ± 0.65"),
    ),
    "bench": (
        BENCH,
        ("gan-minimal", "1,234.5", "123,456", "12.345 GFLOP, 1,234.5 MB", "12.3%", "45.6%", "memory", "123 MB"),
    ),
    "bench, times": (
        SPLIT_HEADINGS,
        ("cgan-conv", "digits, fp32, eager, batch 64", "12.34 ms eager: forward 1.00 ms (8%), " * 3),
    ),
}


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    with contextlib.redirect_stdout(Terminal()) as out:
        print_table(headings, rows)
    return re.sub(r"\x1b\[[\d;]*m|─", "", out.getvalue())


@pytest.mark.parametrize("name", TABLES)
def test_a_table_fits_the_terminal_and_loses_nothing(name: str) -> None:
    headings, row = TABLES[name]
    text = table(headings, [row])
    assert [line for line in text.splitlines() if len(line.rstrip()) > WIDTH] == []
    assert words_of(text) == words_of(" ".join((*headings, *row)))
    assert f"{headings[0]}:" not in text, "in columns"


cells = st.text("ab c-é日", max_size=30) | st.sampled_from(["x" * 79, "y" * 200, "two words"])


@given(st.integers(1, 6).flatmap(lambda width: st.lists(st.tuples(*[cells] * width), min_size=1, max_size=4)))
def test_any_table_loses_nothing(rows: list[tuple[str, ...]]) -> None:
    headings = tuple(f"h{place}" for place in range(len(rows[0])))
    text = table(headings, rows)
    assert too_wide(text) == []
    cell_words = words_of(" ".join(cell for row in rows for cell in row))
    assert [word for word in words_of(text) if not re.fullmatch(r"h\d:?", word)] == cell_words


def test_words_that_do_not_fit_beside_each_other_make_paragraphs() -> None:
    assert table(("name", "path"), [("n" * 50, "p" * 50)]) == f"name: {'n' * 50}\npath: {'p' * 50}\n\n"


@pytest.mark.parametrize("words", [("list",), ("plugins",), *((("info"), name) for name in ("cgan", "mlp", "wgan-gp"))])
def test_a_listing_on_a_terminal_has_every_word_of_the_piped_one(words: tuple[str, ...]) -> None:
    text = re.sub(r"\x1b\[[\d;]*m|─", "", shown(*words))
    assert [line for line in text.splitlines() if len(line.rstrip()) > WIDTH] == []
    for word in piped(*words).split():
        assert word in text


# Errors

ERRORS = {
    "list": ("list", "lo" + "ss" * 20),
    "info": ("info", "a name that does not exist and that is quite long, so that it has to be wrapped"),
    "plugins": ("plugins", *["word"] * 30),
    "train": ("train", "cgan", "--loss", "hing"),
    "study": ("study", "cgann", "--out", "a folder that does not exist/with a long name/and many words"),
    "sample": ("sample", "a folder that does not exist/with a long name/and many words/in all of its parts"),
    "walk": ("walk", "a folder that does not exist/with a long name/and many words/in all of its parts"),
    "edit": ("edit", "a folder that does not exist/with a long name/and many words/in all of its parts", "a.png"),
    "translate": ("translate", "a folder that does not exist/with a long name/and many words/in it", "a.png"),
    "new-plugin": ("new-plugin", "A name that is none and that is quite long, so that it has to be wrapped"),
    "explore": ("explore", "a folder that does not exist/with a long name/and many words/in all of its parts"),
    "evaluate": ("evaluate", "a folder that does not exist/with a long name/and many words/in all of its parts"),
    "report": ("report", "a folder that does not exist/with a long name/and many words/in all of its parts"),
    "compare": ("compare", "a folder that does not exist/with a long name/and many words/in all of its parts"),
    "check-data": ("check-data", "digit"),
    "augment": ("augment", "digits", "--augmentation", "diffaugmentations", "--dataset-size", "16"),
    "convert": ("convert", "x", "--variant", "dcgan", "--loss", "hing", "--latent", "norml"),
    "export": ("export", "a folder that does not exist/with a long name/and many words/in it", "--format", "hf"),
    "bench": ("bench", "cgann"),
    "doctor": ("doctor", *["word"] * 30),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_error_wraps_between_words_on_a_terminal_and_is_one_line_in_a_pipe(command: str) -> None:
    line, text = piped(*ERRORS[command], status=2), shown(*ERRORS[command], status=2)
    assert len(line.splitlines()) == 1 + 2 * (command == "convert")
    assert max(map(len, line.splitlines())) > WIDTH, "a line that needs wrapping"
    assert too_wide(text) == []
    assert text.split() == line.split()


def test_a_warning_wraps_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "a warning of many words " * 10
    with contextlib.redirect_stderr(Terminal()) as out:
        warn(said)
    assert too_wide(out.getvalue()) == []
    assert out.getvalue().split() == ["ganzoo:", *said.split()]
    with contextlib.redirect_stderr(io.StringIO()) as plain:
        warn(said)
    assert len(plain.getvalue().splitlines()) == 1


def test_a_command_to_copy_stays_in_one_piece() -> None:
    with contextlib.redirect_stdout(Terminal()) as out:
        tell("  ganzoo train --config " + "some folder/" * 20, wrap=False)
    assert len(out.getvalue().splitlines()) == 1


def test_a_wrapped_line_keeps_its_indent() -> None:
    with contextlib.redirect_stdout(Terminal()) as out:
        tell("  - " + "word " * 40)
    first, *others = out.getvalue().splitlines()
    assert first.startswith("  - word")
    assert all(line.startswith("    word") for line in others)
