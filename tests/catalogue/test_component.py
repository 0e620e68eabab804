"""Declarations of components: what each must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganzoo.catalogue import DataConfig


def test_a_dataset_without_a_spec_is_told_to_have_one() -> None:
    with pytest.raises(TypeError, match="define spec"):
        DataConfig().spec(Path())
