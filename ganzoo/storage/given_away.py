"""What a model file says of its training: all but the folders of the machine, as people give such files away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.catalogue.options import DataConfig
from ganzoo.catalogue.selection import Selection


def without_folders(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by name; of an absolute path, only the last name is left.

    >>> without_folders({"path": str(Path("/mnt/photos").absolute()), "size": [64, 64], "labels": "auto"})
    {'path': 'photos', 'size': [64, 64], 'labels': 'auto'}
    """
    return {name: Path(value).name if _is_a_place(value) else value for name, value in options.items()}


def described_for_others(selection: Selection) -> dict[str, Any]:
    """Return the choices of a training for the header of its model.

    The data folder is left out, and of other paths to data and models the last name is left. Parts that build the model
    keep their options as they are. The ``config.json`` of the run has all paths.
    """
    about = selection.to_json()
    about["run"] = {name: value for name, value in about["run"].items() if not _is_a_place(value)}
    about["parts"] = {
        name: {**part, "config": without_folders(part["config"])}
        if isinstance(selection.parts[name].config, DataConfig)
        else part
        for name, part in about["parts"].items()
    }
    for table in ("observers", "starts"):
        if table in about:
            about[table] = {name: _each(entry) for name, entry in about[table].items()}
    return about


def _each(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry whose own values, and those of its options, name no folder."""
    options = {"config": without_folders(entry["config"])} if "config" in entry else {}
    return without_folders(entry) | options


def _is_a_place(value: Any) -> bool:
    return isinstance(value, str) and Path(value).is_absolute()
