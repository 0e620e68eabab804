"""The examples in docstrings run, and show what they promise."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import ganzoo

MODULES = sorted(module.name for module in pkgutil.walk_packages(ganzoo.__path__, "ganzoo."))


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(".__main__")])
def test_the_examples_of_a_module_run(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_the_package_has_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(importlib.import_module, ("ganzoo.randomness", "ganzoo.batches.order", "ganzoo.contract.networks"))
    assert all(any(test.examples for test in finder.find(module)) for module in modules)
