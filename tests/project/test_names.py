"""Every call that reaches code by a name is known, and has a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ganzoo.testing.sources import Source, name_of, sources

ROOT = Path(__file__).parents[2]
# What tests share is run by tests alone, and reaches what a test names.
EVERY_SOURCE = [
    *(source for source in sources(ROOT / "ganzoo", ROOT) if not source.name.startswith("ganzoo.testing")),
    *sources(ROOT / "plugins", ROOT / "plugins"),
]

REACHING = {"import_module", "__import__", "getattr", "setattr", "delattr", "eval", "exec", "compile", "attrgetter"}
REACHING |= {
    "methodcaller",
    "find_spec",
    "spec_from_file_location",
    "run_path",
    "run_module",
    "resolve_name",
    "globals",
}
REACHING |= {"get_type_hints", "entry_points"}


# Every call that reaches code or attributes by a name that is not written there, and where that name comes from.
REASONS = {
    ("ganzoo", "getattr(importlib.import_module(module), attribute)"): "a table in that module",
    ("ganzoo", "importlib.import_module(module)"): "a table in that module",
    ("ganzoo.assembly.contract_checks", "getattr(built, name)"): "a table in that module",
    ("ganzoo.assembly.contract_checks", "getattr(interface, name)"): "a table in that module",
    ("ganzoo.assembly.update_checks", "getattr(type(part), name)"): "a table in that module",
    ("ganzoo.assembly.update_checks", "getattr(interface, name)"): "a table in that module",
    ("ganzoo.assembly.update_checks", "getattr(part, name)"): "a table in that module",
    ("ganzoo.cli.study_line", "getattr(recorded.plan, name)"): "a table in that module",
    ("ganzoo.studio.study.plan", "getattr(recorded, what)"): "a table in that module",
    ("ganzoo.studio.study.plan", "getattr(self, what)"): "a table in that module",
    ("ganzoo.catalogue.target", "getattr(importlib.import_module(module), name)"): "a plugin's declaration",
    ("ganzoo.catalogue.target", "importlib.import_module(module)"): "a plugin's declaration",
    (
        "ganzoo.catalogue.plugin_files",
        "importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))",
    ): "a file that the user named",
    ("ganzoo.new_plugin.draft", "getattr(self._template(single=False), name)"): "names in that module",
    ("ganzoo.own.targets", "getattr(self._given, name)"): "an attribute of a class that the program gave",
    ("ganzoo.catalogue.discovery", "entry_points(group=hooks.GROUP)"): "the metadata of installed packages",
    ("ganzoo.catalogue.discovery", "getattr(manager.hook, hook)"): "two names in that function",
    ("ganzoo.catalogue.options", "typing.get_type_hints(config)"): "the annotations of an installed plugin's class",
    ("ganzoo.catalogue.options", "getattr(config, field.name)"): "the fields of that dataclass",
    ("ganzoo.catalogue.options", "getattr(config, name)"): "the fields of that dataclass",
    ("ganzoo.catalogue.component", "getattr(self, what)"): "three names in that function",
    ("ganzoo.catalogue.component", "getattr(component, what)"): "two names in that module",
    ("ganzoo.cli.options", "getattr(settings, option.name)"): "the fields of that dataclass",
    ("ganzoo.cli.options", "getattr(part.config, option.name)"): "the fields of that dataclass",
    ("ganzoo.cli.info", "getattr(config, option.name)"): "the fields of that dataclass",
    ("ganzoo.evaluation.figures", "getattr(self, field.name)"): "the fields of that dataclass",
    ("ganzoo.evaluation.reference_data", "getattr(config, SPLIT)"): "a constant in that module",
    ("ganzoo.health.policies", "setattr(self.history, name, int(state[name]))"): "the fields of that dataclass",
    ("ganzoo.plugin", "getattr(importlib.import_module(_MODULE_OF[name]), name)"): "a table in that module",
    ("ganzoo.plugin", "importlib.import_module(_MODULE_OF[name])"): "a table in that module",
    ("ganzoo.signals", "getattr(signal, name)"): "four names in that line",
    ("ganzoo.studio.conversion.suggestion", "getattr(config, option.name)"): "the fields of that dataclass",
    ("ganzoo.studio.conversion.suggestion", "getattr(part.config, option.name)"): "the fields of that dataclass",
    (
        "ganzoo.training.setup",
        "setattr(recipe, name, nn.SyncBatchNorm.convert_sync_batchnorm(network))",
    ): "its networks",
    ("ganzoo.studio.benchmark", "delattr(owner, method)"): "names in that module",
    ("ganzoo.studio.benchmark", "getattr(owner, method)"): "names in that module",
    ("ganzoo.studio.benchmark", "setattr(owner, method, timed)"): "names in that module",
    ("ganzoo.studio.benchmark", "setattr(owner, method, own)"): "names in that module",
}


def reaching(source: Source) -> Iterator[str]:
    """Yield every call of a module that reaches something by a name which is not written there."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        # A method called eval or compile is another thing.
        plain = name.split(".")[-1] if name not in ("torch.compile", "re.compile") else ""
        own = name in REACHING or (plain in REACHING and plain not in ("eval", "exec", "compile"))
        place = 1 if plain in ("getattr", "setattr", "delattr") else 0
        written = len(node.args) > place and isinstance(node.args[place], ast.Constant)
        if own and not written:
            yield ast.unparse(node)


def test_every_reach_by_name_is_known_and_has_a_reason() -> None:
    found = {(source.name, call) for source in EVERY_SOURCE for call in reaching(source)}
    assert found - REASONS.keys() == set()
    assert len(found) > 10


def test_the_reader_sees_every_reach(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    lines = ("getattr(a, b)", "eval(a)", "importlib.import_module(a)", "__import__(a)", "operator.attrgetter(a)")
    path.write_text("\n".join((*lines, "getattr(a, 'b')", "model.eval()", "re.compile(a)", "torch.compile(a)")))
    assert tuple(reaching(Source("module", path, package=False))) == lines


def test_only_one_place_of_the_command_line_prints() -> None:
    for source in EVERY_SOURCE:
        if source.name.startswith("ganzoo.cli.") and source.name != "ganzoo.cli.output":
            called = {name_of(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
            assert not called & {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}, (
                source.name
            )
