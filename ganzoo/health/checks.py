"""The failures that a diagnosis knows: when each check applies, what it notices, and what to change first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from ganzoo.health import patterns
from ganzoo.health.look import Look

# Each limit lies between failures that were made and healthy trainings (benchmarks/diagnosis.py).
FEW = 0.25  # share of pairs of a class that are the same picture: about four pictures
FALLS = 0.75  # of that share since the look before: the generator is still learning to differ
BEGUN = 0.3  # of a spread of real examples, which a generator must have moved: before, it is what it began as
DRAWN = 0.7  # of the contrast of real images: a generator that draws so much has begun, however fast it was
JUMP = 0.5  # of the mean example between two looks, in spreads of real examples
WON = 0.995  # of the examples told apart
GONE = 0.02  # of the largest gradient
TELLING = 0.5  # share of real examples that are told by the means of the classes, from which on the means say enough
CHANCE = 1.5  # times the share that a guess would have
INDIFFERENT = 0.6  # share of real examples that score higher under their own condition; 0.5 is a guess
MODERATE = 0.1  # of the share that moderate values have among real ones
LIKE = 0.5  # correlation of the mean generated with the mean real example, or with its negative
COPY = 0.5  # of the distance between neighbours among real examples
COPIES = 0.5  # share of generated examples


@final
@dataclass(frozen=True)
class Check:
    """A failure by ``name``: whether the check ``applies`` to a training, and what it notices in a look, or nothing.

    ``what`` and ``advice`` are clauses of the sentence that the user reads.
    """

    name: str
    what: str
    advice: str
    applies: Callable[[Look], bool]
    notice: Callable[[Look], str]


def _always(look: Look) -> bool:
    return True


def _makes_few(look: Look, moved: float, same: float) -> bool:
    begun = moved > BEGUN or (look.field.bounded and look.contrast > DRAWN)
    return begun and same > max(FEW, 3 * look.real.same)


def _few_pictures(look: Look) -> str:
    if not _makes_few(look, look.moved, look.same) or look.same < FALLS * sum(look.before.get("same", [])):
        return ""
    each = f"about {1 / look.same:.0f} for each class" if look.real.groups else f"about {1 / look.same:.0f} in all"
    what = "those of a class" if look.real.groups else "they"
    return f"{each}, and {what} differ by {look.spread:.0%} of what real examples do"


def _cycles(look: Look) -> str:
    before = (sum(look.before.get(name, [])) for name in ("moved", "same"))
    if not _makes_few(look, look.moved, look.same) or not _makes_few(look, *before) or look.jump < JUMP:
        return ""
    return f"at each look they are the same few, and others than before (their mean moved by {look.jump:.1f} spreads)"


def _watched(look: Look) -> bool:
    return look.accuracy == look.accuracy  # not NaN


def _discriminator_wins(look: Look) -> str:
    phase, least = min(look.gradients.items(), key=lambda item: item[1], default=("", 1.0))
    if not (look.accuracy >= WON and least < GONE):
        return ""
    return (
        f"it tells {look.accuracy:.1%} of real and generated examples apart, and the gradient of phase {phase!r} is "
        f"{least:.2%} of what it was"
    )


def _classes_are_told(look: Look) -> bool:
    return len(look.real.groups) > 1 and look.real.told_by_means >= TELLING


def _condition_ignored(look: Look) -> str:
    guess = 1 / len(look.real.groups)
    # The generator alone says too little: in its first steps it knows no class either.
    if look.told_by_means > CHANCE * guess or not look.prefers_right < INDIFFERENT:
        return ""
    return (
        f"{look.told_by_means:.0%} of the generated examples look like their class, where a guess has {guess:.0%}, and "
        f"the discriminator prefers the right class of a real example to a wrong one in {look.prefers_right:.0%}"
    )


def _bounded(look: Look) -> bool:
    return look.field.bounded and patterns.moderate(look.real.some) > 0.01


def _saturated(look: Look) -> str:
    share, real = patterns.moderate(look.generated), patterns.moderate(look.real.some)
    if not share < MODERATE * real:
        return ""
    return f"{share:.1%} of them are more than a twentieth from the limits, and {real:.0%} of the real ones"


def _tells_light_from_dark(look: Look) -> bool:
    return look.field.bounded and patterns.tells_light_from_dark(look.real.some)


def _inverted(look: Look) -> str:
    likeness = patterns.likeness_of_means(look.generated, look.real.some)
    same, inverted = patterns.histogram_distances(look.generated, look.real.some)
    if not (inverted < same / 2 and likeness < -LIKE):
        return ""
    return (
        f"their histogram is nearer to that of inverted real images ({inverted:.2f}) than to that of real ones "
        f"({same:.2f}), and where real images are light, they are dark"
    )


def _has_spectrum(look: Look) -> bool:
    return look.field.bounded and patterns.has_spectrum(look.field.shape)


def _checkerboard(look: Look) -> str:
    peak = patterns.checkerboard(look.generated, look.real.some)
    # Before it has learnt something, a generator of convolutions shows little else.
    if not peak or patterns.likeness_of_means(look.generated, look.real.some) < LIKE:
        return ""
    return (
        f"a pattern that repeats every {peak.period} pixels is {peak.share:.1%} of what real images show, "
        f"{peak.factor:.0f} times as much as its neighbours"
    )


def _all_data_is_known(look: Look) -> bool:
    """Copies can be found if at least half of the data is at hand, in more dimensions than examples can fill."""
    return look.real.share >= 0.5 and look.flat.shape[1] >= 16 and look.real.nearest > 0


def _memorised(look: Look) -> str:
    distances = patterns.nearest(look.flat[::2], look.real.flat) / look.real.nearest
    copies = float((distances < COPY).float().mean())
    if not copies >= COPIES * look.real.share:
        return ""
    return f"{copies:.0%} of its examples are nearly the same as one of {len(look.real.flat):,} real ones"


CHECKS: Sequence[Check] = (
    Check(
        "few-pictures",
        "the generator makes too few different examples, whatever the noise",
        "let the noise count for more: noise on both sides of 0, smaller embeddings of the condition; or lower the "
        "learning rates",
        _always,
        _few_pictures,
    ),
    Check(
        "cycling",
        "the generator runs from one kind of example to the next",
        "lower the learning rates, or add a gradient penalty, so that the discriminator does not chase it",
        _always,
        _cycles,
    ),
    Check(
        "discriminator-wins",
        "the discriminator has won, and the generator learns nothing more",
        "lower the learning rate of the discriminator, or give it a penalty, dropout, or targets below 1",
        _watched,
        _discriminator_wins,
    ),
    Check(
        "condition-ignored",
        "the condition is ignored",
        "show the discriminator real examples with wrong conditions too, choose another conditioner for it, or let the "
        "embeddings of its conditions begin further apart",
        _classes_are_told,
        _condition_ignored,
    ),
    Check(
        "saturated",
        "the generated values are nearly all at their limits",
        "lower the learning rate of the generator, and see that its data is in the range of its last layer",
        _bounded,
        _saturated,
    ),
    Check(
        "inverted",
        "the colours of the generated images are inverted",
        "leave out augmentations that invert colours, begin with other weights, or choose another seed",
        _tells_light_from_dark,
        _inverted,
    ),
    Check(
        "checkerboard",
        "the generated images have a checkerboard over them",
        "let the kernels of transposed convolutions be a multiple of their stride, or enlarge by repeating pixels",
        _has_spectrum,
        _checkerboard,
    ),
    Check(
        "memorised",
        "the generator repeats the data that it learns from",
        "give it more data or an augmentation, stop earlier, or make the discriminator smaller",
        _all_data_is_known,
        _memorised,
    ),
)
