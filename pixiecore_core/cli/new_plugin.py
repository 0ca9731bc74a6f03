"""``pixiecore new-plugin NAME``: writes a small, complete distribution to start a plugin from. Installs nothing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shlex
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from pixiecore_core.cli.stack import Platform
from pixiecore_core.errors import ConfigError
from pixiecore_core.plugins.installed import NAME, NAME_IN_WORDS, core_version

_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "{kind}/plugin.py": "{package}/__init__.py",
    "{kind}/test_plugin.py": "tests/test_{module}.py",
}
"""What is written from what."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of plugin to start from."""

    does: str
    """What it does as it is generated, in its README."""
    setting: str
    """One of its settings, for an example."""
    example: str
    """A command that runs it; ``{name}`` is the plugin's."""
    table: str = "plugin"
    """Of the settings file."""
    requires: str = ""
    """A further requirement of the distribution."""


_KINDS = {
    "policy": _Kind(
        "it refuses machines whose MAC address does not begin as its setting says, and adds a word to the kernel "
        "command line of those that boot",
        "prefix",
        "pixiecore run --booter static --kernel ./vmlinuz --{name}-prefix 52:54:00",
    ),
    "booter": _Kind(
        "it boots every x86_64 machine into one kernel",
        "kernel",
        "pixiecore run --booter {name} --kernel ./vmlinuz",
        table="booter",
    ),
    "notifier": _Kind(
        "it tells a web server of each machine that starts its kernel",
        "url",
        "pixiecore run --booter static --kernel ./vmlinuz --{name}-url http://localhost:8000/",
        requires="requests>=2.31",
    ),
    "page": _Kind(
        "it has a page that the booted system tells how far it has come, which shows in the machine's timeline",
        "longest",
        "pixiecore run --booter static --kernel ./vmlinuz --cmdline 'step={{{{ {word} }}}}'",
    ),
}


@click.command("new-plugin", short_help="Write a small plugin to start from.")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice([*_KINDS]),
    default="policy",
    help="What it is: a policy says who boots, a booter what, a notifier tells others, a page is asked over HTTP. "
    "[default: policy]",
)
@click.option(
    "--in",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Write it below this folder; the current one if not given.",
)
@click.pass_obj
def new_plugin_command(platform: Platform, name: str, kind: str, folder: Path) -> None:
    """Write a complete small plugin called NAME: with a setting, its tests, and what installs it.

    NAME is of lower-case letters, digits and dashes. For example:

        pixiecore new-plugin rack-policy
    """
    if not NAME.fullmatch(name):
        raise ConfigError("NAME", f"{name!r} must be {NAME_IN_WORDS}")
    module = name.replace("-", "_")
    _check_free(name, module, platform)
    target = folder / f"pixiecore-{name}"
    if target.exists():
        raise ConfigError("NAME", f"{target} is there already; remove it, or choose another name")
    values = _values(name, module, kind)
    source = files("pixiecore_core.cli").joinpath("new_plugin_files")
    for template, path in _FILES.items():
        written = target / path.format(**values)
        text = Template(source.joinpath(template.format(kind=kind)).read_text(encoding="utf-8")).substitute(values)
        try:
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError("--in", f"{written} cannot be written: {error.strerror}") from error
        click.echo(f"wrote {written}")
    # Without a slash in it, pip would look for it on the registry.
    path = str(target) if target.is_absolute() else f"./{target}"
    click.echo(f"Next: pip install {shlex.quote(f'{path}[test]')} && python -m pytest {shlex.quote(path)}")


def _values(name: str, module: str, kind: str) -> dict[str, str]:
    """What stands in the templates."""
    core, chosen = core_version().split("."), _KINDS[kind]
    word = module.upper()
    requires = [f"pixiecore-core>={'.'.join(core[:2])},<{core[0]}.{int(core[1]) + 1}", *filter(None, [chosen.requires])]
    return {
        "name": name,
        "distribution": f"pixiecore-{name}",
        "package": f"pixiecore_{module}",
        "module": module,
        # The suffix keeps it apart from what the module imports: a plugin "ignore" has no class Ignore.
        "class_name": "".join(part.capitalize() for part in name.removesuffix(f"-{kind}").split("-"))
        + kind.capitalize(),
        "word": word,
        "variable": f"{word}_{chosen.setting.upper()}",
        "table": chosen.table,
        "does": chosen.does,
        "example": chosen.example.format(name=name, word=word),
        "requires": json.dumps(requires),
    }


def _check_free(name: str, module: str, platform: Platform) -> None:
    """Refuse a name that would take the place of something that is installed, or could not stand beside it.

    :raises ConfigError: there is such a thing
    """
    taken = {
        "a plugin": {plugin.name for plugin in platform.plugins} | set(platform.disabled),
        "a booter": set(platform.booters.classes),
        "a policy": set(platform.policies.classes),
    }
    for what, names in taken.items():
        if name in names:
            raise ConfigError("NAME", f"{what} of the name {name!r} is installed already; choose another name")
    try:
        importlib.metadata.distribution(f"pixiecore-{name}")
        raise ConfigError("NAME", f"pixiecore-{name} is installed already; choose another name")
    except importlib.metadata.PackageNotFoundError:
        if importlib.util.find_spec(f"pixiecore_{module}") is not None:
            raise ConfigError("NAME", f"there is a package pixiecore_{module} already; choose another name") from None
