"""A dataset inside another one, chosen by its name: the images of which another dataset makes pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from ganzoo.catalogue.options import DataConfig, make
from ganzoo.catalogue.registry import installed
from ganzoo.catalogue.target import load_target


@final
@dataclass(frozen=True)
class InnerDataset:
    """A dataset by its name, with its options: what a dataset that changes the examples of any other one is made of."""

    name: str
    config: DataConfig

    @staticmethod
    def named(name: str, values: Mapping[str, Any]) -> InnerDataset:
        """Return the installed dataset ``name`` with options from words or values; raises :class:`UserError`."""
        component = installed().component("dataset", name)
        config = make(component.config, values, f"dataset {name!r}")
        assert isinstance(config, DataConfig)
        return InnerDataset(name, config)

    @staticmethod
    def options_of(name: str) -> frozenset[str]:
        """Return the names of the options of the installed dataset ``name``; raises :class:`UserError`."""
        return frozenset(field.name for field in dataclasses.fields(installed().component("dataset", name).config))

    def for_test(self, root: Path) -> InnerDataset:
        """Return the dataset of the examples that models are compared with, which may be the same."""
        return dataclasses.replace(self, config=self.config.for_test(root))

    def open(self, root: Path) -> Any:
        """Return the :class:`~ganzoo.contract.dataset.Dataset`; ``root`` is the folder of the data files."""
        return load_target(installed().component("dataset", self.name).target)(self.config, root)
