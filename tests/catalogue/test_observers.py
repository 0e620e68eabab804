"""Which observers a training takes, and with which options; no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from ganzoo.catalogue import Component, Config, Registry, Selection, installed, option, select
from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.errors import Refused, UserError
from ganzoo.storage.resume_compatibility import changed_choices


@dataclass(frozen=True)
class EveryConfig(Config):
    """How often."""

    every: int = option(10, "reports between two notes", low=1)
    loud: bool = option(False, "write more")


def observer(name: str, config: type[Config] = EveryConfig) -> Component:
    return Component(
        kind="observer", name=name, summary=f"the observer {name}", target="some.module:Class", config=config
    )


REGISTRY = Registry(
    [
        *installed().plugins,
        Plugin(Provider("watching", "ganzoo-watching", "1.0"), (observer("notes"), observer("bell", Config))),
    ]
)


def choose(file: dict[str, Any] | None = None, **flags: Any) -> Selection:
    return select(REGISTRY, "gan", flags, file=file)


def chosen(selection: Selection) -> dict[str, Any]:
    return {part.component.name: part.config for part in selection.observers}


def refused(**request: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        choose(**request)
    return caught.value.problems


def test_a_training_has_no_observer_unless_asked() -> None:
    assert choose().observers == ()
    assert "observers" not in choose().to_json()


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ({"observer": "notes"}, ["notes"]),
        ({"observer": "bell,notes"}, ["bell", "notes"]),
        ({"observer": ["bell", "notes"]}, ["bell", "notes"]),
        ({"observer": "notes,notes"}, ["notes"]),
        ({"observer": "none"}, []),
        ({"tensorboard": True}, ["tensorboard"]),
        ({"observer": "tensorboard", "tensorboard": True}, ["tensorboard"]),
        ({"observer": "bell", "tensorboard": True}, ["bell", "tensorboard"]),
    ],
)
def test_observers_are_chosen_by_name_in_their_order(flags: dict[str, Any], names: list[str]) -> None:
    assert list(chosen(choose(**flags))) == names


def test_each_observer_has_options_of_its_own() -> None:
    selection = choose(observer="notes,bell", **{"observer-notes-every": "3", "observer_notes_loud": True})
    assert chosen(selection) == {"notes": EveryConfig(3, True), "bell": Config()}
    assert selection.observers[0].label_with_package == "observer 'notes' of package ganzoo-watching"


def test_what_does_not_fit_is_told_at_once() -> None:
    problems = refused(observer="nots,bell,notes", steps=0, **{"observer-notes-every": 0})
    assert len(problems) == 1, "without settings no observer is known"
    problems = refused(observer="nots,bell,notes", **{"observer-notes-every": 0, "observer-bell-loud": True})
    assert [problem.split(";")[0] for problem in problems] == [
        "no option is called '--observer-bell-loud'",
        "no observer is called 'nots'",
        "option 'every' of observer 'notes' must be at least 1, not 0",
    ]


def test_an_option_of_an_observer_that_is_not_chosen_is_told() -> None:
    (problem,) = refused(**{"observer-notes-every": 3})
    assert problem.endswith("no effect without the observer: add --observer notes")


def test_a_config_repeats_the_observers_and_the_command_line_overrules_it() -> None:
    file = json.loads(json.dumps(choose(observer="notes", **{"observer-notes-every": 3}).to_json()))
    assert file["observers"]["notes"]["config"] == {"every": 3, "loud": False}
    assert chosen(choose(file)) == {"notes": EveryConfig(3)}
    assert chosen(choose(file, **{"observer-notes-every": 4})) == {"notes": EveryConfig(4)}
    assert chosen(choose(file, observer="bell")) == {"bell": Config()}
    assert chosen(choose(file, observer="none")) == {}


def test_a_config_of_an_older_version_still_turns_tensorboard_on() -> None:
    file = choose().to_json()
    file["run"] = {name: value for name, value in file["run"].items() if name != "observer"} | {"tensorboard": True}
    assert list(chosen(choose(file))) == ["tensorboard"]
    assert chosen(choose(file, tensorboard=False)) == {}


@pytest.mark.parametrize("value", [7, {"notes": 7}, {"notes": {"name": "notes", "config": 7}}])
def test_a_damaged_config_is_told(value: Any) -> None:
    with pytest.raises(UserError, match="damaged"):
        choose({**choose(observer="notes").to_json(), "observers": value})


def test_a_run_may_be_resumed_with_other_observers() -> None:
    assert changed_choices(choose().to_json(), choose(observer="notes")) == ["observer from none to notes"]
