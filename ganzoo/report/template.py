"""Pages from templates, which escape whatever they are given, and the files beside them."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Any

import jinja2


def render(name: str, **values: Any) -> str:
    """Return the page of a template, named by its path in the package: ``report/page.html.jinja``."""
    return _environment().get_template(name).render(**values)


def asset(name: str) -> str:
    """Return the text of a file of the package, such as ``report/page.css``."""
    return files("ganzoo").joinpath(name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
