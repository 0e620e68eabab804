"""The sentence that tells the user what is wrong with a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from ganzoo.health.diagnosis import Diagnosis
from ganzoo.training.observers.base import Observer


@final
class Diagnoses(Observer):
    """Tells each diagnosis through ``warn``."""

    def __init__(self, warn: Callable[[str], None]):
        self._warn = warn

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Tell the diagnosis."""
        self._warn(str(diagnosis))
