"""Which versions of the packages that ganzoo needs have passed its tests.

``tested-versions.txt`` pins the versions that the tests ran with. Older ones passed too, down to the bounds that
``pyproject.toml`` states.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

PINS = Path(__file__).with_name("tested-versions.txt")


def needed() -> dict[str, Requirement]:
    """Return what this installation requires, by package name, extras left out."""
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
    """Return the installed version of ``package``, or nothing where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def untested(package: str, found: str) -> str:
    """Return why the version ``found`` of ``package`` lies outside what was tested, as a clause, or nothing."""
    try:
        has = Version(Version(found).public)  # a local build of a version, such as 2.14.1+cpu, is that version
    except InvalidVersion:
        return "a version that cannot be compared with the tested ones"
    tested, requirement = pins().get(package), needed().get(package)
    if requirement is not None and not requirement.specifier.contains(has, prereleases=True):
        return f"older than what is supported ({requirement.specifier})"
    if tested is not None and has > tested:
        return f"newer than the tested {tested}"
    return ""
