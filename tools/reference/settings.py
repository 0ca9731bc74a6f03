"""docs/reference/settings.md: every setting of the server and of what the plugins offer, from their models."""

from __future__ import annotations

from pydantic import BaseModel

from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.settings.loaders import with_loaders
from pixiecore_core.settings.names import option_name, variable_name
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.settings.spelling import spelled

from .installed import installed
from .prose import one_line

_TITLES = {"api": "API booter"}
_WITH = {"static": "`pixiecore boot`", "api": "`pixiecore api URL`, which takes the URL as its argument"}


def page() -> str:
    """The page."""
    offered = installed()
    tables = " and ".join(f"`[plugin.{name}]`" for name in offered.policies)
    parts = [
        "# Settings",
        "The command line wins over the environment, the environment over the TOML file (`--config FILE`), the file "
        "over the default. In the environment, a list is separated by commas. Relative paths, even those in the file, "
        "start at the folder that Pixiecore was started in. "
        "A duration is `5s`, `250ms`, `1m30s` or a number of seconds. "
        "[An example of the file](files.md#the-settings-file).",
        "## Server",
        "For every command that serves; TOML table `[server]`, where `booter` also says what `--booter` would. Before "
        "the command you can put `--disable-plugin NAME` (`PIXIECORE_DISABLE_PLUGIN`, or `disable_plugin` in "
        "`[server]`), "
        "which runs as if that plugin were not installed. `--config FILE` is `PIXIECORE_CONFIG`, `--booter NAME` is "
        "`PIXIECORE_BOOTER`.",
        table(with_loaders(ServerSettings, KNOWN), ""),
    ]
    for name, booter in offered.booters.items():
        also = f", and for {_WITH[name]}" if name in _WITH else ""
        parts += [
            f"## {_TITLES.get(name, f'{name.capitalize()} booter')}",
            f"For `pixiecore run --booter {name}`{also}; TOML table `[booter.{name}]`.",
            table(booter.Settings, name),
        ]
    parts += [
        "## Policies",
        f"For every command that serves, where the plugin is installed; TOML tables {tables}. The state folder is "
        "`/var/lib/pixiecore` for the user `pixiecore`, or what systemd sets, else `~/.local/state/pixiecore`: "
        "[its folders](../how-to/run.md#its-folders).",
    ]
    parts += [table(policy.Settings, name, name) for name, policy in offered.policies.items()]
    return "\n\n".join(parts) + "\n"


def table(model: type[BaseModel], section: str, prefix: str = "") -> str:
    """A model's settings."""
    rows = ["| option | environment | TOML key | meaning | default |", "|---|---|---|---|---|"]
    for key, field in model.model_fields.items():
        if not field.description:
            raise LookupError(f"setting {section} {key} has no description")
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        option = f"`{option_name(f'{prefix}_{key}' if prefix else key)}`"
        option += f", `{extra['short']}`" if "short" in extra else ""
        default = None if field.is_required() else spelled(field.default)
        default = extra.get("shown", default)
        shown = "needed" if field.is_required() else "" if default in (None, "", [], False) else f"`{default}`"
        rows.append(
            f"| {option} | `{variable_name(section, key)}` | `{key}` | {one_line(field.description)} | {shown} |"
        )
    return "\n".join(rows)
