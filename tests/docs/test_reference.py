"""The reference is complete: its generated pages are what the code would write now, and name all that there is."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pixiecore_core
from pixiecore_core import hookimpl, hookspecs, testing
from pixiecore_core.boot import paths
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.models.facts import FACTS, Fact, kind_of
from pixiecore_core.observe.metrics import Metrics
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.settings.loaders import with_loaders
from pixiecore_core.settings.names import option_name
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.web import status
from tools.reference import PAGES
from tools.reference.commands import walk
from tools.reference.installed import installed
from tools.reference.names import fixtures

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as they would be now, from a process of its own: the commands are assembled once in each."""
    folder = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-W", "error", str(ROOT / "tools" / "write-reference"), "--to", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_generated_page_is_current(generated: Path, name: str) -> None:
    assert page(name) == (generated / name).read_text(encoding="utf-8"), "run: .venv/bin/python tools/write-reference"


def test_every_hook_is_there() -> None:
    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "pixiecore_spec")]
    assert len(hooks) > 10
    for name in hooks:
        arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
        assert f"## `{name}({arguments})`\n" in page("hooks.md")


def test_every_setting_is_there() -> None:
    text = page("settings.md")
    for key in with_loaders(ServerSettings, KNOWN).model_fields:
        assert f"| `{option_name(key)}`" in text
    for booter in installed().booters.values():
        for key in booter.Settings.model_fields:
            assert f"| `{option_name(key)}` | `PIXIECORE_{booter.name.upper()}_" in text
    for policy in installed().policies.values():
        for key in policy.Settings.model_fields:
            assert f"| `{option_name(f'{policy.name}_{key}')}` |" in text


def test_every_command_and_option_is_there() -> None:
    text = page("commands.md")
    settings = page("settings.md")
    for path, command, _ in walk():
        assert f"# `{' '.join(path)}`\n" in text
        for param in command.params:
            for option in param.opts if param.param_type_name == "option" and not param.hidden else []:
                assert f"`{option}" in text or f"`{option}`" in settings, f"{' '.join(path)} {option}"


@pytest.mark.parametrize("name", [*pixiecore_core.__all__, *testing.__all__, *fixtures()])
def test_every_public_name_has_words(name: str) -> None:
    section = re.search(rf"^### `{re.escape(name)}`\n\n(.+?)(?=^##|\Z)", page("names.md"), re.MULTILINE | re.DOTALL)
    assert section is not None
    assert re.sub(r"```.*?```", "", section[1], flags=re.DOTALL).strip()


@pytest.mark.parametrize("fact", FACTS)
def test_every_fact_and_field_is_there(fact: type[Fact]) -> None:
    section = re.search(rf"^### `{fact.__name__}`\n(.+?)(?=^##|\Z)", page("events.md"), re.MULTILINE | re.DOTALL)
    assert section is not None
    assert f"`{kind_of(fact)}`" in section[1]
    for name in fact.model_fields.keys() - Fact.model_fields.keys():
        assert f"| `{name}` |" in section[1]


def test_every_count_is_there() -> None:
    families = list(Metrics().registry.collect())
    assert families
    for family in families:
        labels = ", ".join(f"`{label}`" for label in getattr(family, "_labelnames", ()))
        ending = "_total" if family.type == "counter" else ""
        assert f"| `{family.name}{ending}` | {labels} |" in page("events.md")


def test_every_path_is_there(tmp_path: Path) -> None:
    """The core's, from its own table and its status pages, and those of the plugins that come with it."""
    text = page("http.md")
    known = [value for name, value in vars(paths).items() if name.endswith("_PATH")]
    known += [*status.pages(Attempts()), *status.counts(Metrics())]
    assert "/_/ipxe" in known
    assert "/_/metrics" in known
    for path in [*known, *plugin_paths(tmp_path)]:
        assert re.search(rf"`{re.escape(path)}[A-Z/]*`", text), path
    assert paths.AUTOEXEC in text
    for loader in KNOWN.loaders():
        assert f"`{loader.name}`" in text


def plugin_paths(folder: Path) -> list[str]:
    """Every path that a policy adds when all of it is turned on."""
    token = folder / "token"
    token.write_text("secret\n")
    manager = PluginManager(lambda error, mac: pytest.fail(str(error)))
    for name, policy in installed().policies.items():
        known = policy.Settings.model_fields
        given = {"database": str(folder / f"{name}.sqlite"), "admin_token_file": str(token), "enabled": True}
        manager.register(policy(policy.Settings(**{key: given[key] for key in given.keys() & known})), name)
    for plugin in installed().plugins:
        manager.register(plugin.module, f"{plugin.name} module")
    paths = list(manager.register_routes())
    assert "/once/done" in paths
    return paths


def test_hookimpl_marks_what_the_pages_show() -> None:
    """The blocks of hooks.md are functions of that signature."""
    blocks = re.findall(r"^```python\n(.*?)^```", page("hooks.md"), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        scope: dict[str, object] = {"hookimpl": hookimpl}
        exec(compile(f"from __future__ import annotations\n{block}", "hooks.md", "exec"), scope)
