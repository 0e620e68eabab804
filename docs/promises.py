"""What users may rely on: each promise, its limits, and the tests that prove it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
PAGE = Path(__file__).with_name("trust.md")
NOT_YET = "not recorded yet"


@dataclass(frozen=True)
class Promise:
    """A promise in a sentence or two, its limits, and the tests that prove it, quick and ``long``."""

    title: str
    text: str
    limits: str
    quick: str
    long: str = ""

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that prove it."""
        quick = (f"pytest {self.quick}",)
        return (*quick, f"pytest -m long {self.long}") if self.long else quick


PROMISES: tuple[Promise, ...] = ()

INTRODUCTION = """# What you may rely on

Each promise, its limits, and the command that proves it. `make test` proves the quick form of all of them, `make
test-long` the full one. This page is made by `make docs` from `docs/promises.py`; a test keeps the two equal, and looks
that every test named here is there. How to report a hole is said in [SECURITY.md](../SECURITY.md)."""


def page(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of docs/trust.md, given the results of full runs."""
    lines = [INTRODUCTION]
    for promise in PROMISES:
        lines += ["", f"## {promise.title}", "", promise.text, "", f"*Limits.* {promise.limits}", "", "```sh"]
        lines += [*promise.commands, "```"]
        for result in found:
            lines += _figures(promise, result)
    return "\n".join(lines) + "\n"


def read() -> list[Mapping[str, Any]]:
    """Return the results of full runs, in the order of their files."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*-trust*.json"))]


def _figures(promise: Promise, result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a full run counted for a promise, a line each."""
    rows = [row for row in result["results"] if promise.long and _file(row.get("test", "")) in promise.long]
    if rows:
        machine = result["machine"]
        yield ""
        yield f"Counted on {machine['processor']}, {machine['cores']} cores:"
        yield ""
        yield from (f"- {row['promise']}: {_told(row)}" for row in rows)


def _file(test: str) -> str:
    return test.split("::")[0]


def _told(row: Mapping[str, Any]) -> str:
    figures = {name: value for name, value in row.items() if name not in ("test", "promise")}
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in figures.items())


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
