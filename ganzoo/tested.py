"""The versions of required packages with which the tests pass.

``tested-versions.txt`` pins the newest versions that the tests ran with. The oldest ones are the lower bounds in
``pyproject.toml``; the tests pass with these too.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

PINS = Path(__file__).with_name("tested-versions.txt")


def needed() -> dict[str, Requirement]:
    """Return the requirements of this installation by package name, without extras."""
    found = (Requirement(line) for line in requires("ganzoo") or ())
    kept = (item for item in found if item.marker is None or item.marker.evaluate({"extra": ""}))
    return {item.name: item for item in kept}


def pins() -> dict[str, Version]:
    """Return the tested version of each package for this Python and system."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    return {item.name: Version(specifier.version) for item in _requirements(lines) for specifier in item.specifier}


def _requirements(lines: list[str]) -> Iterator[Requirement]:
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            item = Requirement(line)
            if item.marker is None or item.marker.evaluate():
                yield item


def installed_version(package: str) -> str:
    """Return the installed version of ``package``, or an empty string where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def is_supported(package: str, found: str) -> bool:
    """Return whether a version ``found`` lies within the bounds that the installation states."""
    has, requirement = _comparable(found), needed().get(package)
    return has is not None and (requirement is None or requirement.specifier.contains(has, prereleases=True))


def _comparable(found: str) -> Version | None:
    try:
        return Version(Version(found).public)  # a local build such as 2.14.1+cpu counts as its version
    except InvalidVersion:
        return None


def untested(package: str, found: str) -> str:
    """Return a clause about a version ``found`` that was not tested, or an empty string where it was."""
    has, tested, requirement = _comparable(found), pins().get(package), needed().get(package)
    if has is None:
        return "a version that cannot be compared with the tested ones"
    if requirement is not None and not is_supported(package, found):
        return f"older than what is supported ({requirement.specifier})"
    if tested is not None and has > tested:
        return f"newer than the tested {tested}"
    return ""
