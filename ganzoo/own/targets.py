"""Targets of components that a program gives: a class or a function is called, an object is used as it is."""

from __future__ import annotations

import copy
import functools
import inspect
from typing import Any, final

import torch
from torch import nn

from ganzoo.catalogue.local import maker_of


@final
class OwnTarget:
    """Builds a class of a program, or returns its object, of a torch module a copy; it has the attributes of these."""

    def __init__(self, given: Any):
        self._given = given
        # So that an error in its code is attributed to it.
        self.__module__, self.__qualname__ = maker_of(given).__module__, maker_of(given).__qualname__

    def __call__(self, config: Any, **context: Any) -> Any:
        """Return the part; a constructor with a parameter ``config`` gets the options."""
        if isinstance(self._given, nn.Module):  # its state would pass from the check, or from another training
            return copy.deepcopy(self._given).to(torch.empty(0).device)
        if not isinstance(self._given, type | functools.partial):
            return self._given
        return self._given(config=config, **context) if takes_config(self._given) else self._given(**context)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and the like ask for such names before there is an object
            raise AttributeError(name)
        return getattr(self._given, name)


@final
class OwnOptimizer:
    """Calls a class or a function of a program with the parameters, as the classes of ``torch.optim`` are."""

    def __init__(self, given: Any):
        self._given = given
        self.__module__, self.__qualname__ = maker_of(given).__module__, maker_of(given).__qualname__

    def __call__(self, config: Any, parameters: Any) -> Any:
        """Return the optimizer of ``parameters``; a function with a parameter ``config`` gets the options first."""
        given = list(parameters)
        return self._given(config, given) if takes_config(self._given) else self._given(given)


def takes_config(given: Any) -> bool:
    """Return whether a class or a function has a parameter ``config``.

    >>> takes_config(lambda config, parameters: None), takes_config(dict)
    (True, False)
    """
    try:
        return "config" in inspect.signature(given).parameters
    except (TypeError, ValueError):  # code in C has no signature
        return False
