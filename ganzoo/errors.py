"""The exceptions of ganzoo, by who can fix the problem."""

from __future__ import annotations

from collections.abc import Iterable


class UserError(ValueError):
    """Input of the user is invalid; the message says what to do instead (exit status 2)."""


class Refused(UserError):
    """Input of the user is invalid, with all ``problems`` at once."""

    def __init__(self, problems: Iterable[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[Refused], tuple[tuple[str, ...]]]:
        return Refused, (self.problems,)


class TrainingFailed(RuntimeError):
    """A running training cannot continue; the message names phase, term and step (exit status 1)."""


class Interrupted(KeyboardInterrupt):
    """A signal ends the process at once (exit status 128 plus the number of the signal)."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(number)
