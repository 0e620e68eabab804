"""The first of two checks before training: do all declarations fit? It needs no torch and reports all problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.registry import Part
from ganzoo.catalogue.selection import Selection
from ganzoo.errors import Refused


def check(selection: Selection) -> dict[str, DataSpec]:
    """Return the data specs if all declarations fit each other; raises :class:`Refused` with every problem."""
    data = selection.data()
    problems = [*_undeclared(selection, data), *_missing(selection, data), *_unpaired(selection)]
    for part in selection.parts.values():
        with part.attributed():
            problems += [f"{part.label}: {problem}" for problem in part.config.problems(data)]
    if problems:
        raise Refused(dict.fromkeys(problems))
    return data


def _undeclared(selection: Selection, data: Mapping[str, DataSpec]) -> Iterator[str]:
    """Yield a sentence for each type of field that no plugin declares: a model with it could not be read again."""
    known = selection.registry.field_types
    for slot, spec in data.items():
        for field in spec.fields.values():
            if known.get(field.kind) != field.type:
                yield (
                    f"{selection.parts[slot].label} delivers the type of field {field.kind!r}, which its plugin must "
                    "declare in ganzoo_field_types"
                )


def _missing(selection: Selection, data: Mapping[str, DataSpec]) -> Iterator[str]:
    for part in selection.parts.values():
        yield from missing_capabilities(part, _offered_to(part, selection, data), _offering(part, selection))


def missing_capabilities(part: Part, offered: Set[str], whose: str) -> Iterator[str]:
    """Yield a sentence for each need of ``part`` that no capability in ``offered`` meets; ``whose`` says who offers."""
    for need in part.component.requires:
        if not offered & set(need.any_of):
            wanted = " or ".join(_phrase(capability) for capability in need.any_of)
            yield f"{part.label} needs {wanted}, which {whose} does not offer: {need.advice}"


def _offered_to(part: Part, selection: Selection, data: Mapping[str, DataSpec]) -> set[str]:
    """Return the capabilities that a part may use: of the data and of all other parts, but only its network's sites."""
    offered = {capability for spec in data.values() for capability in spec.provides}
    others = (other for other in selection.parts.values() if other is not part)
    offered |= {capability for other in others for capability in other.component.provides}
    if not part.slot.of:
        return offered
    network = selection.parts[part.slot.of].component
    return {capability for capability in offered if not capability.startswith("site:")} | set(network.provides)


def _offering(part: Part, selection: Selection) -> str:
    datasets = [other.label for other in selection.parts.values() if other.slot.kind == "dataset"]
    network = [selection.parts[part.slot.of].label] if part.slot.of else []
    return " with ".join([*network, *datasets])


def _phrase(capability: str) -> str:
    phrases = {
        "condition": "a condition in the data",
        "condition:class": "class labels",
        "condition:vector": "attribute vectors",
        "condition:tokens": "captions",
        "condition:embedding": "class labels or attribute vectors or captions",
        "condition:image": "images as the condition",
        "data:image": "images",
        "data:point": "points",
        "data:unseen": "examples that no model trains on",
        "judge:classes": "a judge that predicts classes",
        "model:class": "a model that generates a given class",
        "site:input-vector": "a flat input",
        "site:input-map": "an image-shaped input",
        "site:noise": "the noise at its sites",
    }
    return phrases.get(capability, f"'{capability}'")


def _unpaired(selection: Selection) -> Iterator[str]:
    for part in selection.parts.values():
        if not part.slot.paired:
            continue
        other = selection.parts[part.slot.paired]
        if _conditioned(part.slot.of, selection) != _conditioned(other.slot.of, selection):
            blind, seeing = (other, part) if _conditioned(part.slot.of, selection) else (part, other)
            yield (
                f"{seeing.slot.of} is conditioned by {seeing.component.name!r} but {blind.slot.of} is not "
                f"({blind.component.name!r}), so the condition could not be learned: "
                "set both with --conditioner, or neither"
            )


def _conditioned(network: str, selection: Selection) -> bool:
    """Whether a part of a network uses the condition: a conditioner, or a head that classifies it."""
    return any(needs_condition(part) for part in selection.parts.values() if part.slot.of == network)


def needs_condition(part: Part) -> bool:
    """Return whether a part declares that it needs a condition in the data."""
    return any(c.split(":")[0] == "condition" for need in part.component.requires for c in need.any_of)
