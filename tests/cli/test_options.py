"""The help text of training: the options of the parts that are chosen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.options import options_of
from ganzoo.testing.command_lines import ganzoo, lacks

VARIANTS = installed().names("variant")


# The help text of training


def shown(*words: str) -> str:
    answer = ganzoo("train", *words, "--help")
    assert (answer.status, answer.err) == (0, "")
    return answer.out


@pytest.mark.parametrize("variant", VARIANTS)
def test_help_shows_the_options_of_the_chosen_parts_by_component_and_package(variant: str) -> None:
    text = shown(variant)
    chosen = select(installed(), variant)
    assert lacks(text, tuple(f"--{item.flag}" for item in options_of(type(chosen.run)))) == []
    for part in chosen.parts.values():
        names = {part.slot.name, part.slot.kind}
        if part.slot.name != "recipe":
            assert any(f"--{name} NAME" in text for name in names)
            assert part.component.name in text.split("Parts:")[1].split("Training:")[0]
        title = f"{part.component.kind} {part.component.name} ({part.provider}):"
        for item in options_of(part.component.config):
            section = text.split(title)[1].split("\n\n")[0]
            assert any(f"--{name}-{item.flag}" in section for name in names), (title, item.flag)
            assert item.show(getattr(part.config, item.name)) in " ".join(section.split())


def test_help_without_a_variant_names_the_variants() -> None:
    text = re.sub(r"-\s+", "-", shown())  # lines may break behind a dash
    assert lacks(text, ("--config", "--dry-run", "--preset", *VARIANTS)) == []


@pytest.mark.parametrize(
    ("words", "there", "gone"),
    [
        ((), "--conditioner-size", "--generator-conditioner-size"),
        (("--conditioner", "multiply"), "--conditioner-deviation", "--conditioner-size"),
        (("--conditioner=multiply",), "--conditioner-deviation", "--conditioner-size"),
        (("--conditioner", "none"), "--conditioner", "--conditioner-"),
        (("--generator-conditioner", "multiply"), "--discriminator-conditioner-size", "--generator-conditioner-size"),
        (("--loss", "bce"), "--loss-real-target", "--loss-weight"),
        (("--penalty", "r1"), "--penalty-gamma", "--penalty-weight"),
        (("--penalty", "wgan-gp"), "--penalty-weight", "--penalty-gamma"),
        (("--generator", "dcgan"), "--generator-width ", "--generator-widths"),
        (("--dataset", "mnist"), "--dataset-split", "--dataset-path"),
        (("--dataset", "folder"), "--dataset-path", "--dataset-modes"),
        (("--optimizer", "sgd"), "--optimizer-momentum", "--optimizer-betas"),
        (("--generator-optimizer", "sgd"), "--generator-optimizer-momentum", "--discriminator-optimizer-momentum"),
        (("--generator-optimizer", "sgd"), "--discriminator-optimizer-betas", "--generator-optimizer-betas"),
    ],
)
def test_other_parts_show_other_options(words: tuple[str, ...], there: str, gone: str) -> None:
    text = shown("cgan", *words).split("An option that several parts share")[0]
    assert there in text
    assert gone not in text


def test_help_shows_the_values_that_would_be_used(here: Path) -> None:
    def size(*words: str) -> str:
        return " ".join(shown("cgan", *words).split("--dataset-size N")[1].split())[:80]

    file = select(installed(), "cgan", {"dataset_size": 24}).to_json()
    assert "[16]" in size()
    assert "[32]" in size("--preset", "published")
    other = here.parent / f"{here.name}.json"
    other.write_text(json.dumps(file))
    assert "[24]" in size("--config", str(other))


def test_help_needs_no_data(here: Path) -> None:
    assert "--dataset-path" in shown("cgan", "--dataset", "folder", "--data-root", "nowhere")


@pytest.mark.parametrize(
    "words",
    [
        ("cgan", "--steps", "3", "--dry-run"),
        ("--steps", "3", "cgan", "--dry-run"),
        ("--steps=3", "cgan", "--dry-run"),
        ("--dry-run", "cgan"),
        ("--no-generator-norm", "cgan", "--dry-run"),
        ("--generator-norm", "--dry-run", "cgan"),
        ("--tensorboard", "cgan", "--dry-run"),
        ("--loss", "hinge", "--dry-run", "cgan"),
        ("--config", "cgan.json", "--dry-run"),
        ("--dry-run", "--config=cgan.json"),
        ("cgan", "--config", "cgan.json", "--loss", "bce", "--dry-run"),
        (
            "cgan",
            "--generator-optimizer",
            "sgd",
            "--generator-optimizer-momentum",
            ".5",
            "--optimizer-lr",
            "1",
            "--dry-run",
        ),
        ("cgan", "--optimizer-betas", "0,0.99", "--dry-run"),
        ("cgan", "--generator-widths", "8,8", "--discriminator-widths", "8", "--dry-run"),
    ],
    ids=" ".join,
)
def test_words_in_any_order_are_understood(words: tuple[str, ...], here: Path) -> None:
    answer = ganzoo("train", *words)
    assert (answer.status, answer.out) == (0, ""), answer.err
