"""Models that Keras saved: ``.weights.h5``, the older ``.h5``, and ``.keras``, as state dicts of torch's layout.

Neither Keras nor TensorFlow is imported, and no code in a file, such as a lambda layer, is read. Kernels are stored as
(…, in, out) and become (out, in, …), those of transposed convolutions (…, out, in) become (in, out, …).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, final

from ganzoo.studio.conversion.contents import DEPTH, LETTERS, SEPARATOR
from ganzoo.studio.conversion.hdf5_files import Group, read_hdf5
from ganzoo.studio.conversion.pickles import Opaque, Unreadable
from ganzoo.studio.conversion.tensors import View, natural

WEIGHTS, CONFIG = "model.weights.h5", "config.json"  # entries of a .keras file
EPSILON = 1e-3  # of Keras' batch norm, where a file has no config
LARGEST_CONFIG = 2**24  # bytes

# torch's names for Keras' variables
ROLES = {
    "kernel": "weight",
    "embeddings": "weight",
    "gamma": "weight",
    "alpha": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
NORM = ("gamma", "beta", "moving_mean", "moving_variance")
# Variables without names, by a word for the layer: files of Keras 3 number them.
VARIABLES = {"batch_norm": NORM, "embedding": ("embeddings",), "p_re_lu": ("alpha",), "prelu": ("alpha",)}
STATE = {"optimizer", "optimizer_weights", "seed_generator", "metrics", "compile_metrics"}  # no weights of a network


@final
@dataclasses.dataclass(frozen=True)
class KerasModel:
    """The tensors of a model, and the epsilons of its batch norms."""

    tensors: dict[str, View]
    unread: tuple[str, ...]
    epsilons: tuple[float, ...]


def read_keras(weights: memoryview, config: memoryview | None = None) -> KerasModel:
    """Return a model of its HDF5 file, and of ``config``, which a .keras file has beside it.

    Raises :class:`Unreadable` where it is damaged.
    """
    root = read_hdf5(weights)
    parsed = _parsed(bytes(config) if config is not None else root.attributes.get("model_config") or b"{}")
    members = root.members.get("model_weights", root)
    layers = members if isinstance(members, Group) else root
    if isinstance(layers.attributes.get("layer_names"), list):
        variables = _named(layers)
    else:
        variables = _numbered(layers, parsed, "", 0)
    tensors: dict[str, View] = {}
    unread: dict[str, None] = {}
    for name, variable in variables:
        layer, _, role = name.rpartition(SEPARATOR)
        if isinstance(variable, Opaque):
            unread[variable.path] = None
        elif variable.dtype.is_floating_point and len(name) <= LETTERS:
            tensors[f"{layer}{SEPARATOR}{ROLES.get(role, role)}"] = _in_torchs_layout(role, variable)
    return KerasModel(tensors, tuple(unread), tuple(sorted(set(_epsilons(parsed)))) or (EPSILON,))


def _in_torchs_layout(role: str, view: View) -> View:
    """Return a variable with its dimensions in torch's order; strides make that free."""
    if role == "kernel":
        places = range(len(view.shape))
        order = [*places[-2:][::-1], *places[:-2]]
    elif role == "alpha":  # (1, 1, C), or (H, W, C)
        shared = [place for place, size in enumerate(view.shape[:-1]) if size > 1]
        order = [len(view.shape) - 1, *shared] if view.shape else []
    else:
        return view
    shape, strides = ([values[place] for place in order] for values in (view.shape, view.strides))
    return dataclasses.replace(view, shape=tuple(shape), strides=tuple(strides))


# Older files: attributes name the layers and their variables, in their order


def _named(layers: Group) -> Iterator[tuple[str, View | Opaque]]:
    for layer in _texts(layers.attributes.get("layer_names")):
        group = layers.members.get(layer)
        names = group.attributes.get("weight_names") if isinstance(group, Group) else None
        for path in _texts(names):
            parts = path.partition(":")[0].split("/")
            found = _at(group, path)
            inside = parts[:-1] if parts[0] == layer else [layer, *parts[:-1]]
            if found is not None:
                yield SEPARATOR.join([*inside, parts[-1]]), found


def _texts(value: Any) -> Iterable[str]:
    return dict.fromkeys(value) if isinstance(value, list) else ()


def _at(group: Any, path: str) -> View | Opaque | None:
    for part in path.split("/"):
        group = group.members.get(part) if isinstance(group, Group) else None
    return group if isinstance(group, View | Opaque) else None


# Files of Keras 3: groups of groups, named by the classes of the layers, with numbered variables


def _numbered(group: Group, config: Any, path: str, depth: int) -> Iterator[tuple[str, View | Opaque]]:
    """Yield the variables of a layer and of the layers in it, in the order of the config, else of the numbers."""
    if depth > DEPTH:
        return
    inside = _layers(config)
    children = [
        (_name(name, member), name, member)
        for name, member in group.members.items()
        if isinstance(member, Group) and name not in STATE | {"vars"}
    ]
    own = group.members.get("vars")
    if isinstance(own, Group):
        yield from _variables(path, own, _class(config, path))
    yield from ((name, member) for name, member in group.members.items() if isinstance(member, Opaque))
    places = {name: place for place, name in enumerate(inside)}
    children.sort(key=lambda child: (places.get(child[0], len(places)), natural(child[1])))
    for label, name, member in children:
        if name in ("layers", "_layer_checkpoint_dependencies"):
            yield from _numbered(member, config, path, depth + 1)
        else:
            below = f"{path}{SEPARATOR}{label}" if path else label
            yield from _numbered(member, inside.get(label), below, depth + 1)


def _name(name: str, member: Group) -> str:
    """Return the name of a layer, which is an attribute of its variables, or that of its group."""
    own = member.members.get("vars")
    given = own.attributes.get("name") if isinstance(own, Group) else None
    return given.replace(SEPARATOR, "_") if isinstance(given, str) and given else name


def _class(config: Any, path: str) -> str:
    """Return a word for the class of a layer: from the config, or its name, which Keras derives from the class."""
    known = config.get("class_name") if isinstance(config, dict) else None
    return known if isinstance(known, str) else path.rpartition(SEPARATOR)[2]


def _variables(path: str, own: Group, class_: str) -> Iterator[tuple[str, View | Opaque]]:
    found = sorted(own.members.items(), key=lambda member: natural(member[0]))
    variables = [(name, value) for name, value in found if not isinstance(value, Group)]
    plain = class_.lower().replace("batchnorm", "batch_norm")
    known = next((names for word, names in VARIABLES.items() if word in plain), None)
    if known is None:
        vectors = [isinstance(value, View) and len(value.shape) == 1 for _, value in variables]
        known = NORM if all(vectors) and len(vectors) in (2, 4) else ("kernel", "bias")
    names = known if len(known) >= len(variables) else [name for name, _ in variables]
    if known == NORM and len(variables) == 3:
        names = [name for name, _ in variables]
    for role, (_, value) in zip(names, variables, strict=False):
        yield f"{path}{SEPARATOR}{role}", value


# The config: JSON, of which only the names and classes of layers are read, and the epsilons of batch norm


def _parsed(raw: bytes | str) -> Any:
    if len(raw) > LARGEST_CONFIG:
        raise Unreadable("has a larger config than any Keras model needs")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise Unreadable("is damaged: its config is not JSON") from problem


def _layers(config: Any) -> dict[str, Any]:
    """Return the configs of the layers in a model, by name, in their order."""
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else None
    found = {}
    for layer in layers if isinstance(layers, list) else ():
        about = layer.get("config") if isinstance(layer, dict) else None
        name = about.get("name") if isinstance(about, dict) else None
        if isinstance(name, str):
            found[name.replace(SEPARATOR, "_")] = layer
    return found


def _epsilons(config: Any, depth: int = 0) -> Iterator[float]:
    for layer in _layers(config).values() if depth <= DEPTH else ():
        epsilon = layer["config"].get("epsilon")
        if "BatchNorm" in str(layer.get("class_name"))[:LETTERS] and isinstance(epsilon, float):
            yield epsilon
        yield from _epsilons(layer, depth + 1)


def is_keras_zip(entries: Mapping[str, memoryview]) -> bool:
    """Whether a zip is a .keras file."""
    return WEIGHTS in entries
