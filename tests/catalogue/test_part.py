"""A part as it is written in a file."""

from __future__ import annotations

from typing import Any

import pytest

from ganzoo.catalogue import (
    Slot,
)
from ganzoo.catalogue.registry import part_from_json
from ganzoo.errors import UserError
from ganzoo.testing.toy_registry import TOYS


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "'loss' is damaged"),
        ({}, "'loss' is damaged"),
        ({"name": 3}, "'loss' is damaged"),
        ({"name": "gone", "package": "far-away"}, "loss 'gone' of package 'far-away' is needed and not installed"),
        ({"name": "steep", "config": [1]}, "options of slot 'loss' are damaged"),
        ({"name": "steep", "config": {"slope": "x"}}, "option 'slope' of loss 'steep' must be a number"),
        ({"name": "steep", "config": {"sloppe": 1}}, "did you mean 'slope'"),
    ],
)
def test_a_damaged_part_is_refused_in_words(value: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        part_from_json(TOYS, Slot("loss", "loss", "flat"), value)
