"""The files of a new plugin, from one template for each kind of component."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo import __version__
from ganzoo.errors import UserError

if TYPE_CHECKING:
    import jinja2

SUFFIX = ".py.jinja"
ROOM = Path(__file__).parent
KINDS = tuple(sorted(path.name.removesuffix(SUFFIX) for path in (ROOM / "kinds").glob(f"*{SUFFIX}")))
"""The kinds that have a template."""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40  # letters of a name


@dataclass(frozen=True)
class Draft:
    """A plugin to be: the kind and the name of its component."""

    kind: str
    name: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"there is no template of kind {self.kind!r}: choose one of {', '.join(KINDS)}")
        if not NAME.fullmatch(self.name) or len(self.name) > LONGEST:
            raise UserError(
                f"a plugin has a name of small letters, digits and single dashes, {LONGEST} at most, such as my-gan; "
                f"not {self.name!r}"
            )

    @property
    def package(self) -> str:
        """The name of the package, as pip knows it."""
        return f"ganzoo-{self.name}"

    @property
    def module(self) -> str:
        """The name of the package, as Python imports it."""
        return self.package.replace("-", "_")

    @property
    def words(self) -> str:
        """The name as an identifier, and as the name of a file: my_gan."""
        return self.name.replace("-", "_")

    @property
    def title(self) -> str:
        """The name of the class."""
        return "".join(word.capitalize() for word in self.name.split("-"))

    @property
    def command(self) -> str:
        """A command that trains with the component."""
        return self._macro("command")

    def _macro(self, name: str) -> str:
        return str(getattr(self._template(single=False), name)())

    def _template(self, **values: Any) -> Any:
        return _environment().get_template(f"kinds/{self.kind}{SUFFIX}").make_module({"draft": self, **values})

    def render(self, name: str, *, single: bool, declares: bool = True, implements: bool = False) -> str:
        """Return the text of a file, whose template has this name, with the imports for what it has.

        ``single`` says that all code is in one file.
        """
        values = {"draft": self, "versions": _versions(), "imports": self._imports(declares, implements)}
        shown = _environment().get_template(name).render(**values, part=self._template(single=single))
        return re.sub(r"\n{4,}", "\n\n\n", shown.strip() + "\n")

    def _imports(self, declares: bool, implements: bool) -> str:
        """Return the import statements, in the order that formatters like."""
        names = [*_words(self._macro("declaring")), "hookimpl"] if declares else []
        names += _words(self._macro("base")) if implements else []
        standard = _lines(self._macro("standard")) if declares else []
        if declares and self._macro("config").strip():
            names.append("option")
            standard.append("from dataclasses import dataclass")
        others = _lines(self._macro("imports")) if implements else []
        standard += [line for line in others if _is_standard(line)]
        others = [line for line in others if not _is_standard(line)]
        others.append(f"from ganzoo.plugin import {', '.join(sorted(names, key=_kind_of_name))}")
        return "\n\n".join("\n".join(sorted(block, key=_place)) for block in (standard, others) if block)


def file_of(draft: Draft) -> str:
    """Return the whole plugin as the text of one file."""
    return draft.render("one_file.py.jinja", single=True, implements=True)


def package_of(draft: Draft) -> Mapping[str, str]:
    """Return the text of every file of the plugin's package, by its path."""
    return {
        "pyproject.toml": draft.render("pyproject.toml.jinja", single=False),
        "README.md": draft.render("readme.md.jinja", single=False),
        f"{draft.module}/__init__.py": draft.render("declared.py.jinja", single=False),
        f"{draft.module}/py.typed": "",
        **_implementation(draft),
        f"tests/test_{draft.words}.py": draft.render("test.py.jinja", single=False),
    }


def _implementation(draft: Draft) -> Mapping[str, str]:
    text = draft.render("implemented.py.jinja", single=False, declares=False, implements=True)
    return {f"{draft.module}/{draft.words}.py": text} if "class " in text else {}


def _versions() -> str:
    """Return the versions of ganzoo that a plugin of today is made for."""
    major, minor, *_ = (int(number) for number in __version__.split("."))
    return f">={major}.{minor},<{major}.{minor + 1}"


def _is_standard(line: str) -> bool:
    return line.split()[1] in sys.stdlib_module_names


def _kind_of_name(name: str) -> tuple[bool, str]:
    return (name[0].islower(), name.lower())  # classes come before functions


def _place(line: str) -> tuple[bool, str]:
    return (line.startswith("from"), line)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2  # here, because every command imports this module, and only one writes a plugin

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOM),
        autoescape=False,  # the texts are Python, and a name has letters, digits and dashes alone
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
