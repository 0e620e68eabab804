"""What trackers are told of a training."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.plugin import Report


def scalars(report: Report) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a report with names such as ``generator/adversarial`` and ``scores/FID``."""
    for phase, terms in report.terms.items():
        for name, value in terms.items():
            yield f"{phase}/{name}", value
    for name, value in report.values.items():
        yield f"values/{name}", value
    for phase, rate in report.learning_rates.items():
        yield f"learning_rate/{phase}", rate
    for label, value in report.scores.items():
        yield f"scores/{label}", value
    yield "speed/steps_per_second", report.steps_per_second
