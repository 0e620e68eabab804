"""Declarations of components: what each must say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ganzoo.catalogue import DataConfig, Variant


def test_a_dataset_without_a_spec_is_told_to_have_one() -> None:
    with pytest.raises(TypeError, match="define spec"):
        DataConfig().spec(Path())


@pytest.mark.parametrize(
    ("presets", "fault"),
    [
        ({"fast": {"run.steps": 5}}, None),
        ({"published": {}}, "'published', which every variant has"),
        ({"Very Fast": {}}, "must be lower-case words"),
        ({"fast": 5}, "must be a mapping of mappings"),
        ([], "must be a mapping of mappings"),
        ({"fast": {"run.steps.more": 5}}, "'run.steps.more'"),
    ],
)
def test_a_preset_that_is_declared_wrongly_is_told(presets: Any, fault: str | None) -> None:
    faults = list(Variant(name="own", summary="a GAN", recipe="adversarial", presets=presets).faults())
    assert len(faults) == (fault is not None)
    assert all(str(fault) in found for found in faults)
