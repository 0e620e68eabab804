"""Fixtures of the tests of converted checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganzoo.testing.foreign_checkpoints import Conversions


@pytest.fixture
def conversions(tmp_path: Path) -> Conversions:
    """Conversions whose files are in a folder of the test."""
    return Conversions(tmp_path)


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def zipped(request: pytest.FixtureRequest) -> bool:
    """Whether torch writes the checkpoint as a zip file, or in its legacy format."""
    return bool(request.param)
