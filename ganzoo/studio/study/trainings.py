"""The trainings that a study has still to make; those of a search follow from the outcomes of earlier ones."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import final

from ganzoo.studio.study.journal import REFUSED, Journal, Outcome
from ganzoo.studio.study.plan import Combination
from ganzoo.studio.study.sampler import Trial, suggest

Job = tuple[Combination, int]  # what is trained, and its seed


@final
class Trainings:
    """Gives one training after the other.

    A search never chooses by what happens to be finished: trial n knows the outcomes of the trials up to n − k, where k
    is how many are made abreast. So the order in which trainings end changes nothing.

    ``refusal`` returns why a combination cannot be trained, or nothing; ``example`` is one that can be.
    """

    def __init__(
        self, journal: Journal, jobs: Iterable[Job], refusal: Callable[[Combination], str], example: Combination
    ):
        self._journal, self._refusal, self.example = journal, refusal, example
        self._waiting = deque(jobs)
        self._open = {combination.folder(seed) for combination, seed in self._waiting}

    @property
    def left(self) -> int:
        """How many trainings are not finished; of a search, how many there may be."""
        plan = self._journal.plan
        if not plan.search:
            return len(self._open)
        more = sum(max(0, plan.trials - len(self._journal.trials_of(each))) for each in plan.combinations)
        return len(self._open) + more * plan.seeds

    def take(self) -> Job | None:
        """Return the next training, or ``None`` where there is none before another one ends."""
        while not self._waiting:
            if not any(map(self._add_trial, self._journal.plan.combinations)):
                return None
        return self._waiting.popleft()

    def finished(self, name: str) -> None:
        """Note that the training with this run folder is recorded."""
        self._open.discard(name)

    def _add_trial(self, combination: Combination) -> bool:
        """Choose one more trial of a combination of the grid if that may be; return whether it was."""
        journal, plan = self._journal, self._journal.plan
        trials = journal.trials_of(combination)
        seen = max(0, len(trials) - journal.abreast + 1)
        if len(trials) >= plan.trials or not all(map(self._is_complete, map(combination.with_choices, trials[:seen]))):
            return False
        known = [
            Trial(choices, journal.loss(combination.with_choices(choices)) if number < seen else None)
            for number, choices in enumerate(trials)
        ]
        chosen = suggest(plan.spaces, known, _seed(combination, len(trials)))
        self._admit(combination.with_choices(chosen))
        trials.append(chosen)
        journal.write()
        return True

    def _admit(self, combination: Combination) -> None:
        names = {combination.folder(seed): seed for seed in range(self._journal.plan.seeds)}
        new = {name: seed for name, seed in names.items() if name not in self._open | self._journal.outcomes.keys()}
        if new and (reason := self._refusal(combination)):
            self._journal.outcomes |= dict.fromkeys(new, Outcome(REFUSED, reason))
            return
        self._open |= new.keys()
        self._waiting.extend((combination, seed) for seed in new.values())

    def _is_complete(self, combination: Combination) -> bool:
        return not any(combination.folder(seed) in self._open for seed in range(self._journal.plan.seeds))


def _seed(combination: Combination, number: int) -> int:
    """Return the seed of a trial: another one for each, that follows from the combination and the number alone."""
    return int.from_bytes(hashlib.sha256(f"{combination.digest}-{number}".encode()).digest()[:4], "little")
