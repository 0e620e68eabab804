"""Suggests the next trial of a search, with Optuna's tree-structured Parzen estimator.

Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization". A suggestion follows from the trials that are known
and a seed alone, so that nothing has to be kept besides the journal of the study.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.errors import UserError
from ganzoo.studio.study.spaces import Space


@dataclass(frozen=True)
class Trial:
    """What was chosen, and its ``loss``, of which low values are good; infinite if it could not be trained.

    ``None`` stands for the loss of a trial that is not finished.
    """

    choices: Mapping[str, str]
    loss: float | None


def need_optuna() -> Any:
    """Return the package; raises :class:`UserError` that says how to install it."""
    try:
        import optuna
    except ImportError as problem:
        raise UserError(
            f"--search needs a package that is not installed ({problem}): pip install 'ganzoo[search]'"
        ) from problem
    return optuna


def suggest(spaces: Mapping[str, Space], trials: Sequence[Trial], seed: int) -> dict[str, str]:
    """Return a word for each option; the first ten trials are random."""
    optuna = need_optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: space.distribution() for name, space in spaces.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # Unfinished trials count as bad ones, so that trials at the same time are not alike.
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True))
        for trial in trials:
            params = {name: space.value(trial.choices[name]) for name, space in spaces.items()}
            study.add_trial(
                optuna.trial.create_trial(
                    state=_state(trial.loss),
                    params=params,
                    distributions=distributions,
                    value=trial.loss if trial.loss is not None and math.isfinite(trial.loss) else None,
                )
            )
        chosen = study.ask(distributions).params
    return {name: space.word(chosen[name]) for name, space in spaces.items()}


def _state(loss: float | None) -> Any:
    """Return the state of a trial; what cannot be trained is worse than all that can, as a pruned trial is."""
    from optuna.trial import TrialState

    if loss is None:
        return TrialState.RUNNING
    return TrialState.COMPLETE if math.isfinite(loss) else TrialState.PRUNED
