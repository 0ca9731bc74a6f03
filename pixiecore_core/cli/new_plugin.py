"""``pixiecore new-plugin NAME``: writes a small, complete distribution to start a plugin from. Installs nothing."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from pixiecore_core.errors import ConfigError
from pixiecore_core.plugins.loader import core_version

_NAME = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "plugin.py": "{package}/__init__.py",
    "test_plugin.py": "tests/test_{module}.py",
}


@click.command("new-plugin", short_help="Write a small plugin to start from.")
@click.argument("name")
@click.option(
    "--in",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Write it below this folder; the current one if not given.",
)
def new_plugin_command(name: str, folder: Path) -> None:
    """Write a complete small plugin called NAME: a policy with a setting, its tests, and what installs it.

    NAME is of lower-case letters, digits and dashes. For example:

        pixiecore new-plugin rack-policy
    """
    if not _NAME.match(name):
        raise ConfigError("NAME", f"{name!r} must be of lower-case letters, digits and dashes, such as rack-policy")
    target = folder / f"pixiecore-{name}"
    if target.exists():
        raise ConfigError("NAME", f"{target} is there already; remove it, or choose another name")
    module = name.replace("-", "_")
    core = core_version().split(".")
    values = {
        "name": name,
        "distribution": f"pixiecore-{name}",
        "package": f"pixiecore_{module}",
        "module": module,
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "variable": f"{module.upper()}_PREFIX",
        "core": ".".join(core[:2]),
        "next_core": f"{core[0]}.{int(core[1]) + 1}",
    }
    source = files("pixiecore_core.cli").joinpath("new_plugin_files")
    for template, path in _FILES.items():
        written = target / path.format(**values)
        text = Template(source.joinpath(template).read_text(encoding="utf-8")).substitute(values)
        try:
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError("--in", f"{written} cannot be written: {error.strerror}") from error
        click.echo(f"wrote {written}")
    click.echo(f'Next: pip install "{target}[test]" && python -m pytest {target}')
