"""Everything that a plugin imports from ganzoo, in one module.

Declarations need no torch, and importing this module does not import torch. The interfaces and helpers in
``_WITH_TORCH`` import it when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ganzoo.catalogue import (
    Combination,
    Command,
    Component,
    Config,
    DataConfig,
    DataSpec,
    Field,
    FieldType,
    Kind,
    Need,
    Slot,
    Variant,
    hookimpl,
    option,
    phase_slots,
)
from ganzoo.catalogue.inner_dataset import InnerDataset
from ganzoo.errors import UserError
from ganzoo.storage.files import open_file, read_file, rename_durably
from ganzoo.storage.lock_owner import read_owner, this_process
from ganzoo.storage.run_files import is_run_folder
from ganzoo.text import counted, did_you_mean, first_line, listed, natural_key, warn

if TYPE_CHECKING:
    from ganzoo.contract.augmentation import Augmentation
    from ganzoo.contract.conditioner import Conditioner, Shape, Sites, Unconditioned
    from ganzoo.contract.dataset import Dataset
    from ganzoo.contract.field_values import FieldValues, embedding, values_of
    from ganzoo.contract.head import Head, HeadInput
    from ganzoo.contract.judge import Examples, Judge, JudgeOutput, Track
    from ganzoo.contract.latent import Latent
    from ganzoo.contract.loss import Loss, Player
    from ganzoo.contract.metric import Aim, ClassShares, Estimate, Metric, MetricContext, MetricValues
    from ganzoo.contract.networks import (
        Batchwise,
        ConditionedDiscriminator,
        ConditionedGenerator,
        Discriminator,
        DiscriminatorOutput,
        Generator,
        Initialiser,
        batchwise,
    )
    from ganzoo.contract.optimization import OptimizerFactory, Progress, Schedule
    from ganzoo.contract.packs import WHOLE_BATCH, Packed
    from ganzoo.contract.penalty import GeneratorPenalty, Penalties, Penalty, PenaltyOutput, Regulariser
    from ganzoo.contract.read_only import NotAtHand, may_write
    from ganzoo.contract.recipe import Batch, FieldRef, Generated, Output, Parts, Phase, PhaseOutput, Recipe
    from ganzoo.contract.sampling import SampleRequest
    from ganzoo.contract.step_context import NotReplayable, StepContext
    from ganzoo.contract.tracking import track
    from ganzoo.contract.working_state import WorkingState
    from ganzoo.depth import Limits, deep_values, is_deep, limits_of, plain_picture, usual_limits
    from ganzoo.drawing import to_pil, to_uint8
    from ganzoo.layers import (
        Dropout,
        join_packs,
        map_sides,
        output_activation,
        repeat_packs,
        unit_square,
        without_autocast,
    )
    from ganzoo.randomness import Draws, Share, key
    from ganzoo.training.observers import Diagnosis, Observer, Picture, Report, TrainingStart
    from ganzoo.weighted_layers import Layers, is_equalised, with_spectral_weights

_WITH_TORCH = {
    "ganzoo.contract.augmentation": ("Augmentation",),
    "ganzoo.contract.conditioner": ("Conditioner", "Shape", "Sites", "Unconditioned"),
    "ganzoo.contract.dataset": ("Dataset",),
    "ganzoo.contract.field_values": ("FieldValues", "embedding", "values_of"),
    "ganzoo.contract.head": ("Head", "HeadInput"),
    "ganzoo.contract.judge": ("Examples", "Judge", "JudgeOutput", "Track"),
    "ganzoo.contract.latent": ("Latent",),
    "ganzoo.contract.loss": ("Loss", "Player"),
    "ganzoo.contract.metric": ("Aim", "ClassShares", "Estimate", "Metric", "MetricContext", "MetricValues"),
    "ganzoo.contract.networks": (
        "Batchwise",
        "ConditionedDiscriminator",
        "ConditionedGenerator",
        "Discriminator",
        "DiscriminatorOutput",
        "Generator",
        "Initialiser",
        "batchwise",
    ),
    "ganzoo.contract.optimization": ("OptimizerFactory", "Progress", "Schedule"),
    "ganzoo.contract.packs": ("WHOLE_BATCH", "Packed"),
    "ganzoo.contract.penalty": ("GeneratorPenalty", "Penalties", "Penalty", "PenaltyOutput", "Regulariser"),
    "ganzoo.contract.read_only": ("NotAtHand", "may_write"),
    "ganzoo.contract.recipe": ("Batch", "FieldRef", "Generated", "Output", "Parts", "Phase", "PhaseOutput", "Recipe"),
    "ganzoo.contract.sampling": ("SampleRequest",),
    "ganzoo.contract.step_context": ("NotReplayable", "StepContext"),
    "ganzoo.contract.tracking": ("track",),
    "ganzoo.contract.working_state": ("WorkingState",),
    "ganzoo.depth": ("Limits", "deep_values", "is_deep", "limits_of", "plain_picture", "usual_limits"),
    "ganzoo.drawing": ("to_pil", "to_uint8"),
    "ganzoo.layers": (
        "Dropout",
        "join_packs",
        "map_sides",
        "output_activation",
        "repeat_packs",
        "unit_square",
        "without_autocast",
    ),
    "ganzoo.randomness": ("Draws", "Share", "key"),
    "ganzoo.weighted_layers": ("Layers", "is_equalised", "with_spectral_weights"),
    "ganzoo.training.observers": ("Diagnosis", "Observer", "Picture", "Report", "TrainingStart"),
}
_MODULE_OF = {name: module for module, names in _WITH_TORCH.items() for name in names}

__all__ = [
    "WHOLE_BATCH",
    "Aim",
    "Augmentation",
    "Batch",
    "Batchwise",
    "ClassShares",
    "Combination",
    "Command",
    "Component",
    "ConditionedDiscriminator",
    "ConditionedGenerator",
    "Conditioner",
    "Config",
    "DataConfig",
    "DataSpec",
    "Dataset",
    "Diagnosis",
    "Discriminator",
    "DiscriminatorOutput",
    "Draws",
    "Dropout",
    "Estimate",
    "Examples",
    "Field",
    "FieldRef",
    "FieldType",
    "FieldValues",
    "Generated",
    "Generator",
    "GeneratorPenalty",
    "Head",
    "HeadInput",
    "Initialiser",
    "InnerDataset",
    "Judge",
    "JudgeOutput",
    "Kind",
    "Latent",
    "Layers",
    "Limits",
    "Loss",
    "Metric",
    "MetricContext",
    "MetricValues",
    "Need",
    "NotAtHand",
    "NotReplayable",
    "Observer",
    "OptimizerFactory",
    "Output",
    "Packed",
    "Parts",
    "Penalties",
    "Penalty",
    "PenaltyOutput",
    "Phase",
    "PhaseOutput",
    "Picture",
    "Player",
    "Progress",
    "Recipe",
    "Regulariser",
    "Report",
    "SampleRequest",
    "Schedule",
    "Shape",
    "Share",
    "Sites",
    "Slot",
    "StepContext",
    "Track",
    "TrainingStart",
    "Unconditioned",
    "UserError",
    "Variant",
    "WorkingState",
    "batchwise",
    "counted",
    "deep_values",
    "did_you_mean",
    "embedding",
    "first_line",
    "hookimpl",
    "is_deep",
    "is_equalised",
    "is_run_folder",
    "join_packs",
    "key",
    "limits_of",
    "listed",
    "map_sides",
    "may_write",
    "natural_key",
    "open_file",
    "option",
    "output_activation",
    "phase_slots",
    "plain_picture",
    "read_file",
    "read_owner",
    "rename_durably",
    "repeat_packs",
    "this_process",
    "to_pil",
    "to_uint8",
    "track",
    "unit_square",
    "usual_limits",
    "values_of",
    "warn",
    "with_spectral_weights",
    "without_autocast",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'ganzoo.plugin' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
