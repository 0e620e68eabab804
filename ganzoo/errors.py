"""What can go wrong, and who can mend it."""

from __future__ import annotations

from collections.abc import Iterable


class UserError(ValueError):
    """Something was asked for that cannot be done; the message says what to do instead (exit status 2)."""


class Refused(UserError):
    """Several things about one request cannot be done; all of them are told at once."""

    def __init__(self, problems: Iterable[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[Refused], tuple[tuple[str, ...]]]:
        return Refused, (self.problems,)


class TrainingFailed(RuntimeError):
    """A training that had begun could not go on; the message names phase, term and step (exit status 1)."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end at once (exit status 128 and the signal's number)."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(number)
