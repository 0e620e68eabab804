"""Broken plugins of every kind: their code, and what their causes must say."""

from __future__ import annotations

HEAD = """
from dataclasses import dataclass
from ganzoo.catalogue import Component, Config, DataConfig, Need, Slot, Variant, hookimpl, option
"""


def penalty(name: str, more: str = "") -> str:
    """Return the code of a declared penalty."""
    return f"Component(kind='penalty', name={name!r}, summary='a penalty', target='some.module:Class'{more})"


def components(*items: str) -> str:
    """Return a hook that declares components."""
    return f"@hookimpl\ndef ganzoo_components():\n    return [{', '.join(items)}]\n"


def variants(*items: str) -> str:
    """Return a hook that declares variants."""
    return f"@hookimpl\ndef ganzoo_variants():\n    return [{', '.join(items)}]\n"


def commands(name: str, summary: str = "says something", target: str = "'some.module:name'") -> str:
    """Return a hook that declares a command."""
    return (
        "from ganzoo.catalogue import Command\n@hookimpl\ndef ganzoo_commands():\n"
        f"    return [Command(name={name!r}, summary={summary!r}, target={target})]\n"
    )


def sound(name: str) -> str:
    """Return a sound plugin of one penalty."""
    return components(penalty(name))


def with_config(body: str, use: str, kind: str = "penalty") -> str:
    """Return a component called ``odd`` whose options are the expression ``use``."""
    declared = f"Component(kind={kind!r}, name='odd', summary='an odd one', target='a.b:C', config={use})"
    return f"{body}\n{components(declared)}"


GOOD = penalty("good")
COMMAND = """from ganzoo.catalogue import Command
C = {'name': 'hello', 'summary': 'says hello', 'target': 'some.module:name'}
"""

# What is wrong: the code of the module, and words that the cause must have to be of use to anybody.
BROKEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "imports what is not there": ("import no_such_module", ("no_such_module",)),
    "imports a name that is not there": ("from ganzoo.catalogue import Nonsense", ("Nonsense",)),
    "is no Python": ("def f(:\n    pass", ("SyntaxError",)),
    "raises on import": ("raise RuntimeError('the moon is full')", ("RuntimeError", "the moon is full")),
    "exits on import": ("raise SystemExit(3)", ("SystemExit", "3")),
    "exits on import through sys": ("import sys; sys.exit('had enough')", ("SystemExit", "had enough")),
    "interrupts on import": ("raise KeyboardInterrupt", ("KeyboardInterrupt",)),
    "raises an error of several lines": ("raise ValueError('\\nfirst words\\nsecond')", ("ValueError", "first words")),
    "raises an error that cannot be told": (
        "class Mute(Exception):\n    def __str__(self):\n        raise RuntimeError('mute')\nraise Mute",
        ("Mute",),
    ),
    "raises what is no Exception": ("class Wild(BaseException):\n    pass\nraise Wild('boo')", ("Wild", "boo")),
    "imports itself without end": ("def f():\n    f()\nf()", ("RecursionError",)),
    "has a hook that recurs without end": (
        "@hookimpl\ndef ganzoo_components():\n    return ganzoo_components()",
        ("RecursionError",),
    ),
    "has a hook that raises what is no Exception": (
        "class Wild(BaseException):\n    pass\n@hookimpl\ndef ganzoo_components():\n    raise Wild('boo')",
        ("Wild", "boo"),
    ),
    "has a hook that raises": (
        "@hookimpl\ndef ganzoo_components():\n    raise OSError('no licence file')",
        ("OSError", "no licence file"),
    ),
    "has a hook that exits": (
        "@hookimpl\ndef ganzoo_components():\n    raise SystemExit('bye')",
        ("SystemExit", "bye"),
    ),
    "has a generator that raises half way": (
        f"@hookimpl\ndef ganzoo_components():\n    yield {GOOD}\n    raise LookupError('half way')",
        ("LookupError", "half way"),
    ),
    "has one sound hook and one that raises": (
        components(GOOD) + "@hookimpl\ndef ganzoo_variants():\n    return 1 / 0",
        ("ZeroDivisionError",),
    ),
    "has a misspelt hook": (f"@hookimpl\ndef ganzoo_component():\n    return [{GOOD}]", ("ganzoo_component",)),
    "has a sound hook and a misspelt one": (
        components(GOOD) + "@hookimpl\ndef ganzoo_variant():\n    return []",
        ("ganzoo_variant",),
    ),
    "has a hook with an argument that nobody passes": (
        f"@hookimpl\ndef ganzoo_components(registry):\n    return [{GOOD}]",
        ("ganzoo_components", "registry"),
    ),
    "has no hook": ("x = 1", ("no ganzoo hook",)),
    "forgot to mark its hook": (f"def ganzoo_components():\n    return [{GOOD}]", ("no ganzoo hook",)),
    "returns nothing": (f"@hookimpl\ndef ganzoo_components():\n    [{GOOD}]", ("ganzoo_components", "None")),
    "returns one component, not several": (f"@hookimpl\ndef ganzoo_components():\n    return {GOOD}", ("Component",)),
    "returns text": ("@hookimpl\ndef ganzoo_components():\n    return 'good'", ("ganzoo_components", "Component")),
    "returns a class": (components("Component"), ("ganzoo_components", "not a Component")),
    "returns a variant among the components": (
        components(GOOD, "Variant(name='v', summary='v', recipe='adversarial')"),
        ("ganzoo_components", "not a Component"),
    ),
    "returns a component among the variants": (variants(GOOD), ("ganzoo_variants", "not a Variant")),
    "has a name in capitals": (components(penalty("Great")), ("'Great'", "lower-case")),
    "has a name with a space": (components(penalty("very good")), ("'very good'",)),
    "has a name like a path": (components(penalty("../up")), ("'../up'",)),
    "has a name that is no text": (
        components("Component(kind='penalty', name=7, summary='s', target='a:B')"),
        ("7", "name"),
    ),
    "has a variant without a name": (variants("Variant(name='', summary='s', recipe='adversarial')"), ("''", "name")),
    "has no summary": (
        components("Component(kind='penalty', name='bare', summary='  ', target='a:B')"),
        ("'bare'", "summary"),
    ),
    "has a summary of two lines": (
        components("Component(kind='penalty', name='long', summary='one\\ntwo', target='a:B')"),
        ("'long'", "summary"),
    ),
    "declares one thing twice": (components(GOOD, GOOD), ("penalty", "'good'", "twice")),
    "declares one variant twice": (
        variants(
            "Variant(name='v', summary='s', recipe='adversarial')",
            "Variant(name='v', summary='t', recipe='adversarial')",
        ),
        ("variant", "'v'", "twice"),
    ),
    "is of an unknown kind": (
        components(GOOD, "Component(kind='gizmo', name='g', summary='s', target='a:B')"),
        ("'gizmo'", "'g'", "kind"),
    ),
    "calls a component a variant": (
        components("Component(kind='variant', name='g', summary='s', target='a:B')"),
        ("'variant'", "kind"),
    ),
    "is of a kind that is no text": (
        components("Component(kind=['penalty'], name='g', summary='s', target='a:B')"),
        ("kind",),
    ),
    "has options that are no Config": (
        with_config("class Odd:\n    pass", "Odd"),
        ("config", "'odd'", "Config"),
    ),
    "has options that are an object": (with_config("", "Config()"), ("config", "'odd'", "Config")),
    "has options that are a dict": (with_config("", "{'lr': 1}"), ("config", "'odd'", "Config")),
    "is a dataset whose options tell no spec": (
        with_config("", "Config", kind="dataset"),
        ("config", "'odd'", "DataConfig"),
    ),
    "has an option without a default": (
        with_config("@dataclass(frozen=True)\nclass Odd(Config):\n    size: int", "Odd"),
        ("'odd'", "default"),
    ),
    "has an option with a default that can change": (
        with_config("@dataclass(frozen=True)\nclass Odd(Config):\n    sizes: list = option([], 'sizes')", "Odd"),
        ("mutable default",),
    ),
    "has an option whose default is made": (
        with_config(
            "from dataclasses import field\n@dataclass(frozen=True)\nclass Odd(Config):\n"
            "    sizes: tuple[int, ...] = field(default_factory=tuple)",
            "Odd",
        ),
        ("'odd'", "default"),
    ),
    "has options that are not frozen": (
        with_config("@dataclass\nclass Odd(Config):\n    size: int = option(1, 'size')", "Odd"),
        ("TypeError", "frozen"),
    ),
    "has options that are no dataclass": (
        with_config("class Odd(Config):\n    size: int = 1", "Odd"),
        ("config", "'odd'", "@dataclass"),
    ),
    "has a component that fails when it is looked at": (
        "class Odd(Component):\n    def faults(self):\n        raise OSError('shy')\n"
        + components("Odd(kind='penalty', name='odd', summary='s', target='a.b:C')"),
        ("OSError", "shy"),
    ),
    "gives no end of components": (
        "@hookimpl\ndef ganzoo_components():\n    while True:\n        yield " + GOOD,
        ("ganzoo_components", "more than"),
    ),
    "has an option of a type that does not exist": (
        with_config("@dataclass(frozen=True)\nclass Odd(Config):\n    size: 'Nonsense' = option(1, 'size')", "Odd"),
        ("Nonsense",),
    ),
    "has a target without a class": (
        components("Component(kind='penalty', name='p', summary='s', target='a.b.C')"),
        ("'a.b.C'", "'p'"),
    ),
    "declares an observer among the components": (
        components("Component(kind='observer', name='o', summary='s', target='a:B')"),
        ("'o'", "ganzoo_observers"),
    ),
    "declares a penalty among the observers": (
        f"@hookimpl\ndef ganzoo_observers():\n    return [{GOOD}]",
        ("'good'", "ganzoo_components"),
    ),
    "declares a command of ganzoo's own name": (commands("train"), ("'train'", "ganzoo's own")),
    "declares a command without a summary": (commands("hello", summary=""), ("'hello'", "summary")),
    "declares a command of no target": (commands("hello", target="7"), ("'hello'", "target")),
    "declares a function among the commands": (
        "@hookimpl\ndef ganzoo_commands():\n    return [print]",
        ("ganzoo_commands", "not a Command"),
    ),
    "declares one command twice": (
        f"{COMMAND}@hookimpl\ndef ganzoo_commands():\n    return [Command(**C), Command(**C)]",
        ("command", "'hello'", "twice"),
    ),
    "has a target like a file": (
        components("Component(kind='penalty', name='p', summary='s', target='a/b.py:C')"),
        ("'a/b.py:C'", "'p'"),
    ),
    "has a target that is a number": (
        components("Component(kind='penalty', name='p', summary='s', target=7)"),
        ("target", "'p'"),
    ),
    "has no target": (components("Component(kind='penalty', name='p', summary='s', target='')"), ("target", "'p'")),
    "has a need that is no Need": (components(penalty("p", ", requires=('condition',)")), ("'p'", "Need")),
    "provides a word that is not in a tuple": (
        components(penalty("p", ", provides=('site:block')")),
        ("'p'", "('site:block',)"),
    ),
    "provides what is no word": (components(penalty("p", ", provides=(1,)")), ("provides", "'p'", "str")),
    "provides a number": (components(penalty("p", ", provides=1")), ("TypeError",)),
    "has a slot that is no Slot": (
        components("Component(kind='recipe', name='p', summary='s', target='a:B', slots=('dataset',))"),
        ("'p'", "Slot"),
    ),
    "overrides an option of no slot": (
        variants("Variant(name='v', summary='s', recipe='adversarial', overrides={'lr': 1})"),
        ("'lr'", "'v'"),
    ),
    "publishes an option of no slot": (
        variants("Variant(name='v', summary='s', recipe='adversarial', published={'a.b.c': 1})"),
        ("'a.b.c'", "'v'"),
    ),
    "has overrides that are no mapping": (
        variants("Variant(name='v', summary='s', recipe='adversarial', overrides=None)"),
        ("'v'", "overrides"),
    ),
}
