"""Kinds that plugins declare are kinds like ganzoo's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ganzoo.assembly.parts import SelectedParts, interface_of
from ganzoo.catalogue import KINDS, Kind, installed, select
from ganzoo.catalogue.plugin_files import plugins_from
from ganzoo.errors import UserError
from ganzoo.testing.command_lines import ganzoo

FILE = """
from dataclasses import dataclass

from ganzoo.plugin import Component, Config, Kind, Slot, Variant, hookimpl, option, phase_slots


class Sampler:
    def __init__(self, config):
        self.config = config


class Even(Sampler):
    pass


class Other:
    def __init__(self, config):
        pass


@dataclass(frozen=True)
class EvenConfig(Config):
    share: float = option(0.5, "a share", low=0)


@hookimpl
def ganzoo_kinds():
    yield Kind("sampler", "how examples are weighted", Sampler)


@hookimpl
def ganzoo_components():
    yield Component(kind="sampler", name="even", summary="all alike", target=Even, config=EvenConfig)
    yield Component(kind="sampler", name="odd", summary="no sampler at all", target=Other)
    yield Component(
        kind="recipe",
        name="weighted",
        summary="a recipe with a sampler",
        target="ganzoo_gan.recipe:Adversarial",
        slots=(Slot("sampler", "sampler", "even"), *phase_slots("only", "adam", "constant")),
        phases=("only",),
    )


@hookimpl
def ganzoo_variants():
    yield Variant(name="weighted", summary="a variant with a sampler", recipe="weighted", overrides={"run.steps": 1})
"""


@pytest.fixture
def declared(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "weighting.py"
    path.write_text(FILE, encoding="utf-8")
    with plugins_from([path]):
        yield path


@pytest.mark.usefixtures("declared")
def test_a_part_of_a_new_kind_is_listed_chosen_and_built() -> None:
    assert installed().names("sampler") == ("even", "odd")
    assert [entry.item.kind for entry in installed()][-2:] == ["sampler", "sampler"]
    selection = select(installed(), "weighted", {"sampler-share": "0.25"})
    built = SelectedParts(selection.parts).build("sampler")
    assert type(built).__name__ == "Even"
    assert built.config.share == 0.25


@pytest.mark.usefixtures("declared")
def test_what_does_not_implement_the_kind_is_refused() -> None:
    with pytest.raises(UserError, match=r"sampler 'odd' of weighting\.py fails: .* is not a subclass of Sampler"):
        SelectedParts(select(installed(), "weighted", {"sampler": "odd"}).parts).build("sampler")


def test_the_command_line_shows_it(declared: Path) -> None:
    assert ganzoo("list", "sampler", "--plugin", str(declared)).out.startswith("sampler\teven\tall alike\t")
    assert "how examples are weighted [even" in " ".join(
        ganzoo("train", "weighted", "--help", "--plugin", str(declared)).out.split()
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('kind="sampler", name="even"', 'kind="samplr", name="even"', "component 'even' has the unknown kind 'samplr'"),
        ('Kind("sampler"', 'Kind("loss"', "kind 'loss' is one of ganzoo's own: choose another name"),
        ('Kind("sampler"', 'Kind("Samp ler"', "kind name 'Samp ler' must be lower-case words joined by dashes"),
        (
            'weighted", Sampler)',
            "weighted\", 'nowhere')",
            "interface 'nowhere' of kind 'sampler' does not have the form",
        ),
    ],
)
def test_a_wrong_kind_is_told(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "weighting.py"
    assert old in FILE
    path.write_text(FILE.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=sentence), plugins_from([path]):
        pass


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_of_ganzoo_is_declared_as_plugins_do(kind: Kind) -> None:
    assert list(kind.faults()) == []
    assert (interface_of(kind) is None) == (kind.name in ("variant", "optimizer"))
