"""What the tests of datasets share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo_datasets import ganzoo_components


@pytest.fixture(scope="session")
def roots(stand_in_root: Callable[[str], Path]) -> dict[str, Path]:
    """A data folder for each dataset, with the stand-in where it reads files."""
    return {component.name: stand_in_root(component.name) for component in ganzoo_components()}
