"""The public names of the package: they stay what they are, whatever is imported."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import ganzoo


def test_no_room_has_the_name_of_a_public_function() -> None:
    """An imported room becomes an attribute of the package, in the place of a function of the same name."""
    rooms = {module.name for module in pkgutil.iter_modules(ganzoo.__path__)}
    assert rooms & {name for name in ganzoo.__all__ if callable(getattr(ganzoo, name))} == set()


def test_public_names_stay_what_they_are_when_every_room_is_imported() -> None:
    before = {name: getattr(ganzoo, name) for name in ganzoo.__all__}
    for module in pkgutil.walk_packages(ganzoo.__path__, "ganzoo."):
        if module.name != "ganzoo.__main__":
            importlib.import_module(module.name)
    assert {name: getattr(ganzoo, name) for name in ganzoo.__all__} == before


def test_a_process_can_train_twice(tmp_path: Path) -> None:
    small = {"steps": 1, "batch_size": 4, "dataset_size": 8, "device": "cpu", "progress": False}
    runs = [ganzoo.train("gan-minimal", out=tmp_path / str(number), seed=5, **small) for number in range(2)]
    assert runs[0].sha256 == runs[1].sha256
