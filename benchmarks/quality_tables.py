"""The tables of the page that say how good models are, each made of one result file."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tables import Result, apart, judged, misses, percent, table, times

Row = Mapping[str, Any]
Show = Callable[[float], str]

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
LOOP = "loop"
REAL = "real images"
JUDGED = ("accuracy", "FD", "CAS", "recall", "coverage")
FEW = ("FD", "precision", "recall", "coverage")
OTHERS = ("KD", "precision", "recall", "density", "coverage", "copies", "nearest")


# Against the published loop


def published(result: Result) -> Iterator[str]:
    """Yield what the published loop reaches and what the defaults do, with pictures of both."""
    about, *rows = result["results"]
    last = [row for row in rows if row["contender"] == LOOP][-1]
    checks = [list(_checks(row, last, about["targets"])) for row in rows]
    floors = [judge["floors"] for judge in last["judges"]]
    reached = [_reached(row, last, found) for row, found in zip(rows, checks, strict=True)]
    reached.append((REAL, "", "", *_of_both(floors), "", ""))
    headings = ("training", "steps", "wall time", "accuracy", "FD", "times less FD than the loop's last", "targets")
    others = [(_who(row), *_cells(row["figures"][0], OTHERS)) for row in rows]
    others.append((REAL, *_cells(floors[0], OTHERS)))
    titles = {f"published-{LOOP}": "The published loop at its end"}
    titles |= {f"published-{name}": f"`{name}`" for name in about["targets"]["times"]}
    yield from apart(
        [
            [_judges(about, last["judges"])],
            table(headings, reached),
            misses([missed for found in checks for right, _, missed in found if not right]),
            table(("by the first judge", *OTHERS), others),
            _shown(titles),
        ]
    )


def _who(row: Row) -> str:
    return f"the published loop, {row['epochs']} epochs" if row["contender"] == LOOP else f"`{row['command']}`"


def _reached(row: Row, last: Row, checks: Sequence[tuple[bool, str, str]]) -> tuple[str, ...]:
    """Return the cells of a training: of two values the first is that of the first judge."""
    factors = " / ".join(map(times, _factors(row, last))) if checks else ""
    verdicts = "; ".join(judged(right, target) for right, target, _ in checks)
    return _who(row), f"{row['steps']:,}", f"{row['seconds']:.0f} s", *_of_both(row["figures"]), factors, verdicts


def _factors(row: Row, last: Row) -> list[float]:
    """Return for each judge how many times less than the loop's distance that of a row is."""
    return [loop["FD"] / found["FD"] for found, loop in zip(row["figures"], last["figures"], strict=True)]


def _checks(row: Row, last: Row, targets: Mapping[str, Any]) -> Iterator[tuple[bool, str, str]]:
    """Yield whether a target is reached in the eyes of every judge, the target, and how it is missed."""
    if row["contender"] == LOOP:
        return
    who, wanted, enough = _who(row), targets["accuracy"], targets["times"][row["contender"]]
    accuracy, factor = min(found["accuracy"] for found in row["figures"]), min(_factors(row, last))
    yield accuracy >= wanted, f"accuracy {percent(wanted)}", f"{who} has an accuracy of {percent(accuracy)}"
    yield factor >= enough, f"{times(enough)} less FD", f"{who} has {times(factor)} less FD, not {times(enough)}"
    longer = f"{who} takes {row['seconds']:.0f} s, and the loop {last['seconds']:.0f} s"
    yield row["seconds"] <= last["seconds"], "no more time", longer


def _of_both(found: Sequence[Row]) -> tuple[str, str]:
    """Return accuracy and distance, as the judges see them."""
    accuracy, distance = (" / ".join(_show(name)(row[name]) for row in found) for name in ("accuracy", "FD"))
    return accuracy, distance


def _judges(about: Row, judges: Sequence[Row]) -> str:
    chosen = [
        ", ".join(f"{name} {value}" for name, value in options.items()) or "as usual" for options in about["judges"]
    ]
    known = [
        f"`{judge['name']}` ({options}; it takes {percent(judge['accuracy'])} of the test images for what they are)"
        for judge, options in zip(judges, chosen, strict=True)
    ]
    return f"{about['samples']:,} samples of each model. Judges: {' / '.join(known)}."


# Conditioners


def conditioners(result: Result) -> Iterator[str]:
    """Yield a table for each variant, with pictures."""
    about, *rows = result["results"]
    blocks: list[Iterable[str]] = [[_how(about)]]
    titles: dict[str, str] = {}
    for variant, found in _by("variant", rows).items():
        blocks += _of_variant(variant, found, about)
        titles |= {f"conditioner-{variant}-{name}": f"`{variant}`, {name}" for name in _by("conditioner", found)}
    yield from apart([*blocks, _shown(titles)])


def _how(about: Row) -> str:
    at_a_time = f", {about['jobs']} of them at a time" if about["jobs"] > 1 else ""
    return (
        f"Each training has a process with one thread{at_a_time}. Figures are of {about['samples']:,} samples of the "
        f"last model; the time is counted to the first of {about['evaluations']} evaluations, each of "
        f"{about['watched']:,} samples, that reached the accuracy."
    )


def _of_variant(variant: str, rows: Sequence[Row], about: Row) -> Iterator[Iterable[str]]:
    first, judge = rows[0], rows[0]["judge"]
    options = {name: value for name, value in first["options"].items() if not name.endswith("conditioner")}
    words = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())
    yield [
        f"`ganzoo train {variant} {words} --steps {first['steps']} --precision fp32`, judged by `{judge['name']}`, "
        f"which takes {percent(judge['accuracy'])} of the test images for what they are:"
    ]
    lines = [(name, *_of_case(found)) for name, found in _by("conditioner", rows).items()]
    unfit = [case["conditioner"] for case in about["unfit"] if case["variant"] == variant]
    lines += [(name, "nothing: it does not fit", *[""] * (len(JUDGED) + 2)) for name in unfit]
    lines.append((REAL, "", *_cells(judge["floors"], JUDGED), "", ""))
    yield table(("conditioner", "in", *JUDGED, f"to accuracy {percent(about['wanted'])}", "steps/s"), lines)


def _of_case(rows: Sequence[Row]) -> tuple[str, ...]:
    figures = [varied([row["figures"][name] for row in rows], _show(name)) for name in JUDGED]
    reached = [row["reached"] for row in rows if row["reached"] is not None]
    share = f" ({len(reached)} of {len(rows)} trainings)" if len(reached) < len(rows) else ""
    took = f"{varied(reached, lambda value: f'{value:.0f} s')}{share}" if reached else "not reached"
    return rows[0]["place"], *figures, took, varied([row["steps_per_second"] for row in rows], short)


def _by(what: str, rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows by what they have in common."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[what], []).append(row)
    return found


# How conditioners work


def conditioning(result: Result) -> Iterator[str]:
    """Yield the table of what a first layer can read behind each conditioner."""
    rows = [
        (
            f"`{row['conditioner']}`",
            ", ".join(f"{name} {value}" for name, value in row["options"].items()),
            row["noise of"],
            percent(row["label"]),
            percent(row["noise"]),
        )
        for row in result["results"]
    ]
    yield from table(("conditioner", "options", "noise", "labels that are read", "variance that is noise"), rows)


TRIED = ("optimizer_lr", "recipe_mismatched")


def screening(result: Result) -> Iterator[str]:
    """Yield the table of all settings that were tried, the best of each variant and conditioner first."""
    cells: dict[tuple[str, str, str], list[Row]] = {}
    for row in result["results"]:
        own = {name.removesuffix("_conditioner"): value for name, value in row["options"].items()}
        of_both = own.get("conditioner", USUAL.get(row["variant"], ""))
        cells.setdefault((row["variant"], own.get("generator", of_both), own.get("discriminator", of_both)), []).append(
            row
        )
    lines = []
    for (variant, generator, discriminator), rows in sorted(cells.items()):
        who = generator if generator == discriminator else f"{generator}, {discriminator}"
        for row in sorted(rows, key=lambda row: -row["figures"]["recall"]):
            lines.append((f"`{variant}`", who, *_setting(row["options"]), *_cells(row["figures"], SCREENED)))
    headings = ("variant", "conditioner", "noise", "G's", "D's", "lr", "mismatched", "steps", *SCREENED)
    yield from table(headings, lines)


SCREENED = ("accuracy", "FD", "recall", "coverage")
USUAL = {"cgan": "concat", "cgan-conv": "multiply, label-plane"}
"""The conditioners of variants that have some without being asked."""


def _setting(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of a setting: noise, deviations of the embeddings in both networks, and the rest."""
    bound = options.get("latent_highest")
    noise = f"−1 to {bound:g}" if bound is not None else "normal"
    of_generator = options.get("generator_conditioner_deviation")
    of_discriminator = options.get(
        "discriminator_conditioner_image_deviation", options.get("discriminator_conditioner_deviation")
    )
    shown = ["" if value is None else f"{value:g}" for value in (of_generator, of_discriminator)]
    rest = [f"{options[name]:g}" if name in options else "" for name in TRIED]
    return noise, *shown, *rest, f"{options['steps']:,}"


# Augmentations


def augmentations(result: Result) -> Iterator[str]:
    """Yield a table of what augmentations gain, and what of it is no gain."""
    about, *rows = result["results"]
    by_name = _by("augmentation", rows)
    names = [name for name in FEW if name in rows[0]["figures"]]
    lines = [
        (
            f"`{name}`",
            _words(found[0]["options"]),
            *(varied([row["figures"][figure] for row in found], _show(figure)) for figure in names),
            ", ".join(short(row["figures"]["FD"]) for row in found),
            varied([row["steps_per_second"] for row in found], short),
        )
        for name, found in by_name.items()
    ]
    judge = rows[0]["judge"]
    lines.append((REAL, "", *_cells(judge["floors"], names), "", ""))
    sentence = (
        f"`ganzoo train dcgan {_words(about['options'])} --dataset-count {about['count']} --steps {about['steps']} "
        f"--precision fp32`, {about['samples']:,} samples of each model, judged by `{judge['name']}`:"
    )
    headings = ("augmentation", "options", *names, "FD by seed", "steps/s")
    losers = [name for name, found in by_name.items() if name != "none" and not _always_below(found, by_name["none"])]
    missed = [f"`{name}` is not below `none` with every seed" for name in losers]
    yield from apart([[sentence], table(headings, lines), misses(missed)])


def _words(options: Row) -> str:
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())


def _always_below(found: Sequence[Row], others: Sequence[Row]) -> bool:
    """Return whether the distances are all below those of the other trainings, seed by seed."""
    return all(one["figures"]["FD"] < other["figures"]["FD"] for one, other in zip(found, others, strict=False))


# What both have


def short(value: float) -> str:
    """Return three digits of a value."""
    shown = f"{value:#.3g}".rstrip(".") if abs(value) < 999.5 else f"{value:,.0f}"
    return shown.replace("-", "−")


FIGURES: Mapping[str, Show] = {"FD": short, "KD": short, "density": short, "nearest": short}
"""How figures that are no share are shown."""


def _show(name: str) -> Show:
    return FIGURES.get(name, percent)


def _cells(found: Row, names: Iterable[str]) -> list[str]:
    return [_show(name)(found[name]) if name in found else "" for name in names]


def varied(values: Sequence[float], show: Show) -> str:
    """Return the mean of ``values`` with their standard deviation, where there are several."""
    mean = show(statistics.mean(values))
    return f"{mean} ± {show(statistics.stdev(values))}" if len(values) > 1 else mean


def _shown(pictures: Mapping[str, str]) -> Iterator[str]:
    """Yield those pictures that there are, each below what it shows."""
    found = {name: title for name, title in pictures.items() if (PICTURES / f"{name}.png").exists()}
    yield from apart([f"{title}:", "", f"![](pictures/{name}.png)"] for name, title in found.items())
