"""The tested versions: every package that ganzoo needs is pinned, at a version that pyproject.toml allows."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from ganzoo import tested

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]
DIRECT = [
    *map(Requirement, PROJECT["dependencies"]),
    *(item for item in EXTRAS if item.name != "ganzoo"),
]


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda item: item.name)
def test_what_is_needed_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    assert requirement.specifier.contains(tested.pins()[requirement.name])


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda item: item.name)
def test_every_bound_names_the_oldest_version(requirement: Requirement) -> None:
    assert any(specifier.operator == ">=" for specifier in requirement.specifier)


def test_what_is_needed_is_what_the_project_says() -> None:
    said = {item.name: item.specifier for item in map(Requirement, PROJECT["dependencies"])}
    assert {name: item.specifier for name, item in tested.needed().items()} == said


def test_a_version_within_is_not_told_and_a_local_build_is_the_version_itself() -> None:
    torch = tested.pins()["torch"]
    assert tested.untested("torch", str(torch)) == ""
    assert tested.untested("torch", f"{torch}+cpu") == ""
    assert "newer than" in tested.untested("torch", f"{torch.major + 1}.0")
    assert "older than" in tested.untested("torch", "1.0")


def test_a_pin_of_another_python_or_system_is_left_out() -> None:
    lines = ["# a comment", "", "one==1.0 ; python_version < '3'", "one==2.0 ; python_version >= '3'", "two==3"]
    assert [(item.name, str(item.specifier)) for item in tested._requirements(lines)] == [
        ("one", "==2.0"),
        ("two", "==3"),
    ]
    assert all(isinstance(pin, Version) for pin in tested.pins().values())
