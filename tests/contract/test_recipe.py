"""The output of a phase: scalars alone."""

from __future__ import annotations
