"""How steps are carried out: as they are written, compiled, or recorded once and replayed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, final

import torch

from ganzoo.errors import UserError
from ganzoo.randomness import KeyedStreams, RehearsedStreams
from ganzoo.step.phase_optimizer import Player
from ganzoo.step.train_step import Feeds, Game
from ganzoo.text import first_line


class Execution(ABC):
    """A way to carry out steps; all ways give the same training, up to the order in which numbers are added."""

    name: ClassVar[str]

    def prepare(self, read: Callable[[], Feeds]) -> None:  # noqa: B027
        """Make ready, with data that ``read`` gives if it is needed; changes nothing that is trained."""

    def begin_anew(self) -> None:  # noqa: B027
        """Forget what depends on where weights and states lie in memory: they have been replaced."""

    @abstractmethod
    def play(self, due: Sequence[Player], feeds: Feeds, step: int) -> None:
        """Carry out a step that has begun."""


@final
class Eager(Execution):
    """Operation after operation, as it is written."""

    name = "eager"

    def __init__(self, game: Game):
        self._game = game

    def play(self, due: Sequence[Player], feeds: Feeds, step: int) -> None:
        """Carry out a step."""
        self._game.play(due, feeds, step)


@final
class Compiled(Execution):
    """The loss of each phase, penalties and their second derivatives included, compiled by torch's compiler."""

    name = "compile"

    def __init__(self, game: Game, streams: KeyedStreams):
        self._game = game
        game.streams = RehearsedStreams(streams)

    def prepare(self, read: Callable[[], Feeds]) -> None:
        """Rehearse and compile every phase; raises :class:`UserError` where one cannot be."""
        game, feeds = self._game, read()
        before = {name: value.clone() for name, value in game.recipe.state_dict().items()}
        options: dict[str, Any] = {"fallback_random": True}  # dropout draws what it draws uncompiled
        for player in game.players:
            self._try(player, feeds)
            game.losses[player.phase.name] = torch.compile(player.phase.loss, dynamic=False, options=options)
        for player in game.players:
            self._compile(player, feeds)
        game.recipe.load_state_dict(before)  # statistics of batch norm have moved
        game.recipe.zero_grad(set_to_none=True)
        game.tally.clear()

    def _compile(self, player: Player, feeds: Feeds, broken: Path | None = None) -> None:
        try:
            self._try(player, feeds)
        except UserError:
            raise
        except Exception as problem:
            library = _broken_library(problem)
            if library is None or library == broken:
                raise UserError(
                    f"phase {player.phase.name!r} cannot be compiled here: {first_line(problem)}; use --execution eager"
                ) from problem
            library.unlink(missing_ok=True)
            self._compile(player, feeds, library)

    def _try(self, player: Player, feeds: Feeds) -> None:
        game = self._game
        game.streams.begin(0)
        player.take_turn()
        divided = game.divided(feeds)
        for update in range(player.phase.updates):
            game.push(player, update, divided, step=0)

    def play(self, due: Sequence[Player], feeds: Feeds, step: int) -> None:
        """Carry out a step."""
        self._game.play(due, feeds, step)


def _broken_library(problem: BaseException | None) -> Path | None:
    """Return the library of the compiler's cache that ``problem`` could not load, if it is about one.

    A compiler that is interrupted leaves one half-written, and whoever compiles the same would take it for whole.
    """
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    while problem is not None:
        if isinstance(problem, ImportError) and problem.path is not None:
            library = Path(problem.path)
            return library if library.is_relative_to(cache_dir()) else None
        problem = problem.__cause__ or problem.__context__
    return None
