"""`ganzoo doctor`: what is installed, and what does not fit."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

from ganzoo.catalogue import installed
from ganzoo.testing.command_lines import ganzoo, lacks


def test_doctor_looks_at_everything() -> None:
    answer = ganzoo("doctor")
    assert answer.status in (0, 1)
    words = (
        "ganzoo",
        "python",
        "torch",
        "cuda",
        "mps",
        "disk",
        *(p.provider.plugin for p in installed().plugins),
    )
    assert lacks(answer.out, words) == []
    assert (answer.status == 0) == ("no problems" in answer.out)


def test_doctor_finds_a_torchvision_of_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(name: str) -> str:
        return "0.0" if name == "torchvision" else version(name)

    monkeypatch.setattr("ganzoo.tested.version", pretend)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    answer = ganzoo("doctor")
    assert answer.status == 1
    assert lacks(answer.out, ("!!  torchvision", "install both together", "pip install")) == []
    assert "Traceback" not in answer.out + answer.err


def test_doctor_finds_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("ganzoo.tested.version", missing)
    answer = ganzoo("doctor")
    assert answer.status == 1
    assert lacks(answer.out, ("!!  rich", "pip install 'rich>=", "only --tensorboard needs it")) == []


@pytest.mark.parametrize(
    ("found", "mark", "told"),
    [
        ("0.1", "!!", "older than what is supported"),
        ("999.0", "ok", "newer than the tested"),
        ("a build of mine", "!!", "cannot be compared"),
    ],
)
def test_doctor_tells_a_version_outside_of_what_was_tested(
    found: str, mark: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.tested.version", lambda name: found if name == "rich" else version(name))
    answer = ganzoo("doctor")
    (line,) = (line for line in answer.out.splitlines() if line[4:].startswith("rich "))
    assert line.startswith(mark)
    assert told in line
    assert ("pip install 'rich>=" in answer.out) == (mark == "!!")
