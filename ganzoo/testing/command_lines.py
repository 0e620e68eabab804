"""Command lines that run in the process of the test, and their answers."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.cli import run


@dataclass(frozen=True)
class Answer:
    """The exit status of a command line, its standard output and its standard error."""

    status: int
    out: str
    err: str


def ganzoo(*words: object, debug: bool = False) -> Answer:
    """Run ``ganzoo WORDS`` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run([str(word) for word in words], debug)
    return Answer(status, out.getvalue(), err.getvalue())


def document(*words: object) -> Any:
    """Return the one JSON document that a command prints, and check that it prints nothing else."""
    answer = ganzoo(*words, "--json")
    assert (answer.status, answer.err) == (0, ""), answer
    return json.loads(answer.out)


def problems(answer: Answer) -> list[str]:
    """Return the problems that an answer reports, and check its form: one line, or a counted list of several."""
    assert answer.status == 2, answer
    assert answer.out == ""
    assert "Traceback" not in answer.err
    first, *more = answer.err.splitlines()
    assert first.startswith("ganzoo: ")
    if not more:
        return [first.removeprefix("ganzoo: ")]
    assert first == f"ganzoo: {len(more)} problems:"
    assert len(more) > 1
    assert all(line.startswith("  - ") for line in more)
    return [line.removeprefix("  - ") for line in more]


def problem(*words: object) -> str:
    """Return the only problem that a command line reports."""
    (only,) = problems(ganzoo(*words))
    return only


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every path below ``folder``, files with their size and the time of their last change."""

    def about(path: Path) -> tuple[int, int]:
        return (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else (0, 0)

    return {str(path): about(path) for path in folder.rglob("*")}


def lacks(text: str, words: Iterable[str]) -> list[str]:
    """Return the words that ``text`` should have and does not have."""
    return [word for word in words if word not in text]
