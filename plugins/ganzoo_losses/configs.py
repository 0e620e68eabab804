"""The options of this plugin's components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class CrossEntropyConfig(Config):
    """Options of cross-entropy; the generator's target is always 1."""

    real_target: float = option(
        1.0, "the discriminator's target for real examples; 0.9 is one-sided label smoothing", low=0, high=1
    )
    fake_target: float = option(
        0.0, "its target for fake examples; 0.1, with 0.9 for real ones, is two-sided smoothing", low=0, high=1
    )

    def __post_init__(self) -> None:
        if self.real_target <= self.fake_target:
            raise ValueError(
                f"option 'real_target' ({self.real_target:g}) must be above 'fake_target' ({self.fake_target:g})"
            )


@dataclass(frozen=True)
class FGANConfig(Config):
    """Options of the f-divergences."""

    divergence: Literal["kl", "reverse-kl", "pearson", "neyman", "hellinger", "jeffreys", "jensen-shannon", "gan"] = (
        option("kl", "the divergence of real from fake examples that the discriminator estimates")
    )
    minimax: bool = option(
        False, "train the generator on the divergence itself; its gradient is small where the discriminator wins"
    )


@dataclass(frozen=True)
class RelativisticAverageConfig(Config):
    """Options of the relativistic average losses."""

    form: Literal["standard", "least-squares", "hinge"] = option(
        "standard", "the loss of a logit relative to the mean of the others: cross-entropy, least squares or hinge"
    )


@dataclass(frozen=True)
class WassersteinConfig(Config):
    """Options of the Wasserstein loss."""

    drift: float = option(0.0, "weight of D(x)², which keeps the scores near 0; 0.001 in progressive growing", low=0)


@dataclass(frozen=True)
class EBGANConfig(Config):
    """Options of the energy-based loss."""

    margin: float = option(
        1.0, "fakes with a larger error than this no longer count in the discriminator's loss", low=0
    )


@dataclass(frozen=True)
class BEGANConfig(Config):
    """Options of the boundary equilibrium loss."""

    ratio: float = option(0.5, "error of fakes as a share γ of that of real examples; more gives more variety", low=0)
    rate: float = option(0.001, "rate λ at which the weight k of the fakes' error moves towards that ratio", low=0)


@dataclass(frozen=True)
class PullingAwayConfig(Config):
    """Options of the pulling-away term."""

    weight: float = option(0.1, "weight", low=0)


@dataclass(frozen=True)
class LazyConfig(Config):
    """Options of penalties that may be computed in some steps only."""

    every: int = option(1, "compute it every so many steps only, with its weight times this number", low=1)


@dataclass(frozen=True)
class ZeroCentredConfig(LazyConfig):
    """Options of R1 and R2."""

    gamma: float = option(1.0, "weight; the penalty is half of it times the squared gradient norm", low=0)
    final_gamma: float = option(0.0, "the weight after the burn-in", low=0)
    burn_in: float = option(
        0.0, "share of the run in which the weight goes to the final one along half a cosine; 0 keeps it", low=0, high=1
    )


@dataclass(frozen=True)
class OneCentredConfig(LazyConfig):
    """Options of the WGAN-GP penalty."""

    weight: float = option(10.0, "weight λ", low=0)
    sides: Literal["two", "one"] = option("two", "penalise norms other than 1 (two), or above 1 only (one)")


@dataclass(frozen=True)
class DRAGANConfig(OneCentredConfig):
    """Options of the DRAGAN penalty."""

    noise: float = option(0.2, "standard deviation of the noise; images range from -1 to 1", low=0)


@dataclass(frozen=True)
class DriftConfig(Config):
    """Options of the drift penalty."""

    weight: float = option(0.001, "weight ε", low=0)


@dataclass(frozen=True)
class LeCamConfig(Config):
    """Options of LeCam regularisation."""

    weight: float = option(0.3, "weight λ", low=0)
    decay: float = option(0.99, "decay of the moving averages of the scores", low=0, high=0.99999)
    sides: Literal["two", "one"] = option(
        "two", "penalise both signs of the distances (two), or one (one), as the authors' code does"
    )


@dataclass(frozen=True)
class ConsistencyConfig(Config):
    """Options of consistency regularisation."""

    weight: float = option(10.0, "weight λ of real images", low=0)
    flip: bool = option(True, "mirror images at random; not for digits and letters")
    shift: float = option(0.125, "largest shift, as a share of the sides", low=0, high=0.5)


@dataclass(frozen=True)
class BalancedConsistencyConfig(ConsistencyConfig):
    """Options of balanced consistency regularisation."""

    fake_weight: float = option(10.0, "weight λ of fakes", low=0)


@dataclass(frozen=True)
class ClippingConfig(Config):
    """Options of weight clipping."""

    limit: float = option(0.01, "the largest absolute value c of a weight", low=0)


@dataclass(frozen=True)
class OrthogonalConfig(LazyConfig):
    """Options of orthogonal regularisation."""

    weight: float = option(1e-4, "weight β", low=0)


@dataclass(frozen=True)
class PathLengthConfig(Config):
    """Options of path-length regularisation."""

    every: int = option(4, "compute it every so many steps only, with its weight times this number", low=1)
    weight: float = option(2.0, "weight λ", low=0)
    decay: float = option(0.99, "decay of the moving average of the length", low=0, high=0.99999)
