"""`ganzoo info`: everything about one name."""

from __future__ import annotations

import shlex

import pytest

from ganzoo.catalogue import Component, installed, select
from ganzoo.catalogue.check import check
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.registry import Entry
from ganzoo.testing.command_lines import document, ganzoo, lacks

ENTRIES = list(installed())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.label)
def test_info_tells_everything_about_it(entry: Entry) -> None:
    (told,) = [item for item in document("info", entry.item.name) if item["kind"] == entry.item.kind]
    assert told["summary"] == entry.item.summary
    assert (told["package"], told["version"]) == (entry.provider.package, entry.provider.version)
    answer = ganzoo("info", entry.item.name)
    assert (answer.status, answer.err) == (0, "")
    words = [f"{entry.item.kind} {entry.item.name}", str(entry.provider), entry.item.summary, entry.item.source]
    if isinstance(entry.item, Component):
        words += [f"{item.flag}" for item in options_of(entry.item.config)]
        words += [item.help for item in options_of(entry.item.config)]
        words += [need.advice for need in entry.item.requires]
        words += [slot.name for slot in entry.item.slots]
        words += [entry.item.equation, entry.item.strengths, entry.item.pitfalls, entry.item.origin]
        assert list(told["options"]) == [item.name for item in options_of(entry.item.config)]
    else:
        words += [*select(installed(), entry.item.name).parts, entry.item.figures]
        words += [entry.item.strengths, entry.item.pitfalls, entry.item.proof]
        assert told["defaults"] == select(installed(), entry.item.name).to_json()
    assert lacks(answer.out, tuple(words)) == []


def _declared_presets() -> list[tuple[str, str]]:
    variants = [installed().variant(name) for name in installed().names("variant")]
    return [(item.name, preset) for item in variants for preset in ("published", *item.presets)]


@pytest.mark.parametrize(("variant", "preset"), _declared_presets())
def test_the_settings_of_a_preset_are_shown_as_they_are_typed(
    variant: str, preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of the same words is understood; whether such networks fit is not asked here."""
    monkeypatch.setattr("ganzoo.assembly.dry_run.assemble", check)
    monkeypatch.setattr("ganzoo.cli.estimates.tell_estimate", lambda *_: None)
    (line,) = (line for line in ganzoo("info", variant).out.splitlines() if f"--preset {preset} is" in line)
    flags = shlex.split(line.partition(" is ")[2])
    assert flags
    answer = ganzoo("train", variant, *flags, "--data-root", "nowhere", "--dry-run")
    assert answer.status in (0, 2)
    assert "no option is called" not in answer.err
    assert "must be" not in answer.err
