"""The first of two checks before training: do all declarations fit? It needs no torch and reports all problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from ganzoo.catalogue.component import Component, Need, Slot
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.registry import Part, Registry, part_of
from ganzoo.catalogue.selection import Selection
from ganzoo.errors import Refused


def check(selection: Selection) -> dict[str, DataSpec]:
    """Return the data specs if all declarations fit each other; raises :class:`Refused` with every problem."""
    data = selection.data()
    problems = [*_undeclared(selection, data), *_missing(selection, data), *_unpaired(selection, data)]
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
        for need in _unmet(part, _offered_to(part, selection, data)):
            yield _sentence(part, need, _who_could_offer(need, part, selection))


def missing_capabilities(part: Part, offered: Set[str], whose: str) -> Iterator[str]:
    """Yield a sentence for each need of ``part`` that no capability in ``offered`` meets; ``whose`` says who offers."""
    for need in _unmet(part, offered):
        yield _sentence(part, need, whose)


def _unmet(part: Part, offered: Set[str]) -> list[Need]:
    return [need for need in part.component.requires if not offered & set(need.any_of)]


def _sentence(part: Part, need: Need, whose: str) -> str:
    wanted = " or ".join(_phrase(capability) for capability in need.any_of)
    offers = f"{whose} does not offer" if whose else "nothing that is installed offers"
    return f"{part.label} needs {wanted}, which {offers}: {need.advice}"


def _offered_to(part: Part, selection: Selection, data: Mapping[str, DataSpec]) -> set[str]:
    """Return the capabilities that a part may use: of the data and of all other parts, but only its network's sites."""
    offered = {capability for spec in data.values() for capability in spec.provides}
    others = (other for other in selection.parts.values() if other is not part)
    offered |= {capability for other in others for capability in other.component.provides}
    if not part.slot.of:
        return offered
    network = selection.parts[part.slot.of].component
    return {capability for capability in offered if not capability.startswith("site:")} | set(network.provides)


def _who_could_offer(need: Need, part: Part, selection: Selection) -> str:
    """Return the parts that could offer what ``part`` needs: sites only the network that it belongs to."""
    sited = part.slot.of and any(capability.startswith("site:") for capability in need.any_of)
    kinds = {kind for capability in need.any_of for kind in _kinds_offering(capability, selection.registry)}
    able = [selection.parts[part.slot.of]] if sited else []
    able += [other for other in selection.parts.values() if other.slot.kind in kinds and not sited]
    return " with ".join(other.label for other in able)


def _kinds_offering(capability: str, registry: Registry) -> set[str]:
    """Return the kinds of component that can offer ``capability``; what data offers is no part of a declaration."""
    if capability.partition(":")[0] in ("data", "condition"):
        return {"dataset"}
    components = (entry.item for entry in registry if isinstance(entry.item, Component))
    return {component.kind for component in components if capability in component.provides}


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
        "site:block-map": "image-shaped blocks",
        "site:norm": "blocks after batch norm",
        "site:logit": "the logit with its features",
        "site:noise": "the noise at its sites",
    }
    return phrases.get(capability, f"'{capability}'")


def _unpaired(selection: Selection, data: Mapping[str, DataSpec]) -> Iterator[str]:
    for part in selection.parts.values():
        if not part.slot.paired:
            continue
        other = selection.parts[part.slot.paired]
        here, there = _seeing(part.slot.of, selection), _seeing(other.slot.of, selection)
        if bool(here) != bool(there):
            blind, seeing, by = (other, part, here) if here else (part, other, there)
            names = (repr(one.component.name) if one is seeing else one.label for one in by)
            fitting = list(_fitting(blind.slot, selection, data))
            remedy = "set both with --conditioner, or neither"
            if seeing not in by or seeing.component.name not in fitting:
                known = ", ".join(fitting) or "no installed one"
                remedy = f"choose --{blind.slot.name} ({known} would do), or leave out {by[0].label}"
            yield (
                f"{seeing.slot.of} is conditioned by {' and '.join(names)} but {blind.slot.of} is not "
                f"({blind.component.name!r}), so the condition could not be learned: {remedy}"
            )


def _seeing(network: str, selection: Selection) -> list[Part]:
    """Return the parts of a network that use the condition: a conditioner, or a head that classifies it."""
    return [part for part in selection.parts.values() if part.slot.of == network and needs_condition(part.component)]


def _fitting(slot: Slot, selection: Selection, data: Mapping[str, DataSpec]) -> Iterator[str]:
    """Yield the names of installed conditioners that act at a site of the network of ``slot``, with this data."""
    for entry in selection.registry:
        if entry.item.kind == slot.kind and isinstance(entry.item, Component) and needs_condition(entry.item):
            part = part_of(entry, slot, {})
            sited = any(word.startswith("site:") for need in entry.item.requires for word in need.any_of)
            if sited and not _unmet(part, _offered_to(part, selection, data)):
                yield entry.item.name


def needs_condition(component: Component) -> bool:
    """Return whether a component declares that it needs a condition in the data."""
    return any(c.split(":")[0] == "condition" for need in component.requires for c in need.any_of)
