"""Declarations, plugins, names, options and the first check before training; nothing in this package imports torch."""

from ganzoo.catalogue.combination import Combination
from ganzoo.catalogue.component import Command, Component, Need, Slot, Variant, phase_slots
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.field_types import FIELD_TYPES, FieldType
from ganzoo.catalogue.hooks import hookimpl
from ganzoo.catalogue.kinds import KINDS, Kind
from ganzoo.catalogue.options import Config, DataConfig, option
from ganzoo.catalogue.registry import Registry, installed
from ganzoo.catalogue.selection import Selection, select

__all__ = [
    "FIELD_TYPES",
    "KINDS",
    "Combination",
    "Command",
    "Component",
    "Config",
    "DataConfig",
    "DataSpec",
    "Field",
    "FieldType",
    "Kind",
    "Need",
    "Registry",
    "Selection",
    "Slot",
    "Variant",
    "hookimpl",
    "installed",
    "option",
    "phase_slots",
    "select",
]
