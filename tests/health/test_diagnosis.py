"""Records of diagnoses and of a doctor, as files have them."""

from __future__ import annotations

from typing import Any

import pytest

from ganzoo.health.diagnosis import Diagnosis, empty_state, is_state

SOUND = Diagnosis(300, "saturated", "the values are extreme", "1 % are moderate", "lower the learning rate")


def test_a_record_is_read_as_it_was_written() -> None:
    assert Diagnosis.from_json(SOUND.to_json()) == SOUND
    assert SOUND.page == "docs/traps.md#saturated"


@pytest.mark.parametrize(
    "changed",
    [{"step": True}, {"step": -1}, {"step": 2**53}, {"step": 1.0}, {"name": 3}, {"advice": None}, {"what": []}],
)
def test_a_record_of_something_else_is_none(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the record of a diagnosis"):
        Diagnosis.from_json({**SOUND.to_json(), **changed})


FULL = {"before": {"same": [0.5], "mean": [0.1, -2]}, "peaks": {"generator": 3.0}, "seen": {"a": 1}, "told": {"a": 0}}


@pytest.mark.parametrize("state", [empty_state(), FULL])
def test_the_state_of_a_doctor_is_recognised(state: dict[str, Any]) -> None:
    assert is_state(state)


@pytest.mark.parametrize(
    "changed",
    [
        {"before": {"same": 0.5}},
        {"before": {"same": [float("nan")]}},
        {"before": {"mean": ["1"]}},
        {"peaks": {"generator": float("inf")}},
        {"peaks": [1.0]},
        {"seen": {"a": -1}},
        {"seen": {"a": True}},
        {"told": ["a"]},
        {"told": {"a": 1.5}},
        {"told": None},
    ],
)
def test_a_damaged_state_is_recognised(changed: dict[str, Any]) -> None:
    assert not is_state({**FULL, **changed})


@pytest.mark.parametrize("state", [None, [], {}, 3, "state"])
def test_what_is_no_state_is_recognised(state: Any) -> None:
    assert not is_state(state)
