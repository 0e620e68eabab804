"""The choices of runs as flags, and those in which runs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from ganzoo.report.record import RunRecord
from ganzoo.storage.given_away import without_folders
from ganzoo.text import one_line

MISSING = "–"
LONGEST, MOST = 200, 500  # characters of a value, and choices of a run


def for_others(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ``config.json`` without the folders of this machine, as people give reports away."""
    about = {**config, "run": without_folders(config["run"])}
    for table in ("parts", "observers", "starts"):
        entries = config.get(table)
        if isinstance(entries, Mapping):
            about[table] = {name: _without_folders(entry) for name, entry in entries.items()}
    return about


def _without_folders(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    options = entry.get("config")
    return without_folders(entry) | ({"config": without_folders(options)} if isinstance(options, Mapping) else {})


def choices(record: RunRecord) -> dict[str, str]:
    """Return what a run was told, by flag: ``{'variant': 'cgan', '--loss': 'bce', '--optimizer-lr': '0.0005', …}``."""
    if not record.config:
        return {}
    config = for_others(record.config)
    found = {"variant": shown(config.get("variant")), "--preset": shown(config.get("preset"))}
    for slot, part in config["parts"].items():
        found[f"--{one_line(slot, 80)}"] = shown(part.get("name"))
    for slot, part in config["parts"].items():
        found |= {_flag(f"{slot}-{name}"): shown(value) for name, value in part["config"].items()}
    found |= {_flag(name): shown(value) for name, value in config["run"].items()}
    return dict(islice(found.items(), MOST))


def differing(records: Sequence[RunRecord]) -> dict[str, list[str]]:
    """Return the choices in which runs differ, by flag, with the value of each run."""
    every = [choices(record) for record in records]
    flags = dict.fromkeys(flag for chosen in every for flag in chosen)
    table = {flag: [chosen.get(flag, MISSING) for chosen in every] for flag in flags}
    return {flag: values for flag, values in table.items() if len(set(values)) > 1}


def shown(value: Any) -> str:
    """Return a JSON value as it is written on a command line.

    >>> shown([0.5, 0.99]), shown(None), shown(True)
    ('0.5,0.99', 'none', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return one_line(",".join(map(str, value)), LONGEST)
    return "none" if value is None else one_line(value, LONGEST) if value != "" else "empty"


def _flag(name: str) -> str:
    return f"--{one_line(name, 120).replace('_', '-')}"
