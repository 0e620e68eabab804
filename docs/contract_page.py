"""Write docs/contract.md: the classes and functions of ganzoo.plugin, without what they inherit from torch."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ganzoo.plugin
from ganzoo.testing.small_systems.systems import SYSTEMS

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("contract.md")
INTRODUCTION = """# The contract

What a plugin imports from `ganzoo.plugin`. What a class inherits from torch is left out. Made by `make docs` from the
docstrings; a test keeps it equal to them. [Writing a plugin](plugins.md) explains it with examples.

Shapes: B examples of a batch, C channels, H height, W width, F features, Z numbers of noise; X is the shape of the
logits of one example.
"""
GROUPS = {
    "Declarations and options": "ganzoo.catalogue",
    "Networks, conditioners and what is added to them": (
        "ganzoo.contract.networks",
        "ganzoo.contract.conditioner",
        "ganzoo.contract.head",
        "ganzoo.contract.augmentation",
        "ganzoo.contract.packs",
    ),
    "Losses, penalties and noise": ("ganzoo.contract.loss", "ganzoo.contract.penalty", "ganzoo.contract.latent"),
    "Optimizers and schedules": "ganzoo.contract.optimization",
    "Recipes": (
        "ganzoo.contract.recipe",
        "ganzoo.contract.step_context",
        "ganzoo.contract.sampling",
        "ganzoo.contract.working_state",
        "ganzoo.randomness",
    ),
    "Data, metrics and judges": (
        "ganzoo.contract.dataset",
        "ganzoo.contract.field_values",
        "ganzoo.contract.judge",
        "ganzoo.contract.metric",
        "ganzoo.contract.tracking",
        "ganzoo.contract.read_only",
    ),
    "Helpers": (
        "ganzoo.layers",
        "ganzoo.weighted_layers",
        "ganzoo.drawing",
        "ganzoo.depth",
        "ganzoo.text",
        "ganzoo.errors",
        "ganzoo.storage",
        "ganzoo.training",
        "ganzoo.health.diagnosis",
    ),
}
# What else the contract carries, and the test that proves it.
ROWS = {
    "several outputs, each with its own condition (CycleGAN)": "tests/assembly/test_parts.py",
    "images as conditions; the true image beside them (pix2pix)": "tests/project/test_third_party.py",
    "metrics that see the condition and the truth": "tests/evaluation/test_truth.py",
    "several fields as one condition": "tests/fields/test_joined.py",
    "types of field of a plugin, such as videos": "tests/plugins/test_video.py",
    "kinds of component of a plugin": "tests/catalogue/test_kinds.py",
    "observers and commands of a plugin": "tests/catalogue/test_observers.py",
    "several processes": "tests/step/test_processes.py",
}


def page() -> str:
    """Return the text of the page; raises ``KeyError`` if a class or a function is in no group."""
    lines = [INTRODUCTION]
    named = {name: getattr(ganzoo.plugin, name) for name in ganzoo.plugin.__all__}
    _refuse_forgotten(named)
    for title, modules in GROUPS.items():
        mine = {name: value for name, value in named.items() if _module(value).startswith(modules)}
        lines += [f"## {title}", ""]
        for name, value in mine.items():
            lines += entry(name, value)
    return "\n".join([*lines, *_systems()])


def _systems() -> Iterator[str]:
    """Yield a table of systems of the literature, each of which is made of the contract alone."""
    yield "## Systems of the literature"
    yield ""
    yield (
        "Each system is a few lines in [small_systems](../ganzoo/testing/small_systems), written as a plugin "
        "would write it. [A test](../tests/contract/test_small_systems.py) trains each of them: with a divided batch "
        "(`--accumulate`), with recorded steps, and resumed from a checkpoint, with equal results. Long tests do "
        "the same [in two processes](../tests/step/test_processes.py) and [compiled](../tests/step/test_execution.py)."
    )
    yield ""
    yield "| system | what it needs of the contract | source | `--execution compile` |"
    yield "|---|---|---|---|"
    for name, system in SYSTEMS.items():
        compiled = f"refused: it needs {system.uncompiled}" if system.uncompiled else "yes"
        yield f"| {name} | {system.needs} | {system.source} | {compiled} |"
    yield ""
    yield "Further rows have tests of their own:"
    yield ""
    yield "| what | test |"
    yield "|---|---|"
    for what, test in ROWS.items():
        (ROOT / test).resolve(strict=True)
        yield f"| {what} | [{Path(test).name}](../{test}) |"
    yield ""


def _refuse_forgotten(named: Mapping[str, Any]) -> None:
    groups = tuple(
        prefix for modules in GROUPS.values() for prefix in ([modules] if isinstance(modules, str) else modules)
    )
    shown = {name for name, value in named.items() if inspect.isclass(value) or inspect.isfunction(value)}
    if forgotten := sorted(name for name in shown if not _module(named[name]).startswith(groups)):
        raise KeyError(f"no group of the page has {', '.join(forgotten)}")


def _module(value: Any) -> str:
    return str(getattr(value, "__module__", ""))


def entry(name: str, value: Any) -> Iterator[str]:
    """Yield the lines about a class or a function: its parameters, its docstring and its members."""
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return
    yield f"### `{name}`"
    yield ""
    if inspect.isfunction(value):
        yield f"`{name}{_signature(value)}`"
        yield ""
    if fields := _fields(value):
        yield f"`{name}({', '.join(fields)})`"
        yield ""
    yield _text(value)
    yield ""
    members = list(_members(value)) if inspect.isclass(value) else []
    yield from members
    if members:
        yield ""


def _fields(value: Any) -> tuple[str, ...]:
    """Return the fields of a dataclass or named tuple, and nothing for any other class."""
    if dataclasses.is_dataclass(value):
        return tuple(field.name for field in dataclasses.fields(value))
    return tuple(getattr(value, "_fields", ()))


def _members(value: type) -> Iterator[str]:
    """Yield a line for each method and property that ganzoo defines, in order of definition."""
    own = [base for base in reversed(value.__mro__) if base.__module__.startswith("ganzoo")]
    names = dict.fromkeys(name for base in own for name in vars(base) if not name.startswith("_"))
    for name in names:
        member = inspect.getattr_static(value, name)
        if isinstance(member, property):
            yield f"- `{name}`: {_first_sentence(member.fget)}"
        elif inspect.isfunction(member) or isinstance(member, staticmethod | classmethod):
            function = getattr(value, name)
            abstract = " (to implement)" if getattr(member, "__isabstractmethod__", False) else ""
            yield f"- `{name}{_signature(function)}`{abstract}: {_first_sentence(function)}"


def _signature(function: Any) -> str:
    parameters = inspect.signature(function).parameters.values()
    names = [f"*{p.name}" if p.kind is p.VAR_POSITIONAL else p.name for p in parameters if p.name != "self"]
    return f"({', '.join(names)})"


def _first_sentence(function: Any) -> str:
    first = _text(function).split("\n\n", maxsplit=1)[0]
    return " ".join(first.split())


def _text(value: Any) -> str:
    """Return a docstring as Markdown, up to its first example."""
    text = (inspect.getdoc(value) or "").split("\n>>>", maxsplit=1)[0].strip()
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text).replace("``", "`").replace("\\*", "*")
    return re.sub(r"(=+ =+[\s\S]*=+ =+)", r"```text\n\1\n```", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
