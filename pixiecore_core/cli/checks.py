"""Refuses what plugins offer and cannot work, by name, while they load: settings models, and names that clash.

Two settings that share an option or an environment variable would each be given what was meant for the other.
Looks at classes and options only; constructs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pixiecore_core.cli.stack import Platform, policy_prefix
from pixiecore_core.errors import ConfigError
from pixiecore_core.settings.names import variable_name

_SHORT = re.compile(r"-[A-Za-z0-9]")
_WAY_OUT = "rename one of them, or use --disable-plugin"


def check_offered(platform: Platform) -> None:
    """Refuse settings that cannot work.

    :raises ConfigError: a model or a field is unusable, or two settings are read from one environment variable
    """
    for kind, name, model in _offered(platform):
        _check_model(f"{kind} {name!r}", model)
    known_variables(platform)


def known_variables(platform: Platform) -> dict[str, str]:
    """Every environment variable that settings are read from, and whose it is.

    :raises ConfigError: two settings are read from one
    """
    variables = {
        "PIXIECORE_CONFIG": "--config",
        "PIXIECORE_BOOTER": "--booter",
        "PIXIECORE_DISABLE_PLUGIN": "--disable-plugin",
        **{variable_name("", key): _of_the_server(key) for key in platform.server_settings.model_fields},
    }
    for kind, name, model in _offered(platform):
        for key in model.model_fields:
            variable, owner = variable_name(name, key), setting_of(kind, name, key)
            other = variables.setdefault(variable, owner)
            if other is not owner:
                raise ConfigError(variable, f"{other} and {owner} would both be read from it; {_WAY_OUT}")
    return variables


def check_options(command: str, params: Iterable[click.Parameter], owners: Mapping[str, str]) -> None:
    """Refuse two options of one name.

    :param command: the command's name
    :param params: without click's own for help, which gives way to others
    :param owners: whose option a parameter is, by its name, where it is not the command's own or the server's
    :raises ConfigError: there are two
    """
    taken = {"-h": "the option for help", "--help": "the option for help"}
    for param in params:
        name = param.name or ""
        owner = owners.get(name) or f"an option of `pixiecore {command}`"
        for option in [*param.opts, *param.secondary_opts] if isinstance(param, click.Option) else ():
            if option in taken:
                raise ConfigError(option, f"{taken[option]} and {owner} would both be called so; {_WAY_OUT}")
            taken[option] = owner


def option_owners(platform: Platform) -> dict[str, str]:
    """Whose option each parameter is that the server or a policy has, for :func:`check_options`."""
    owners = {key: _of_the_server(key) for key in platform.server_settings.model_fields}
    for name, policy in platform.policies.classes.items():
        owners |= {policy_prefix(name) + key: setting_of("policy", name, key) for key in policy.Settings.model_fields}
    return owners


def setting_of(kind: str, name: str, key: str) -> str:
    """A setting in words.

    :param kind: ``booter`` or ``policy``
    """
    return f"setting {key!r} of {kind} {name!r}"


def _of_the_server(key: str) -> str:
    return f"the server's setting {key!r}"


def _offered(platform: Platform) -> Iterator[tuple[str, str, type[BaseModel]]]:
    for offered in (platform.booters, platform.policies):
        for name, one in sorted(offered.classes.items()):
            yield offered.kind, name, one.Settings


def _check_model(owner: str, model: type[BaseModel]) -> None:
    try:
        model.model_rebuild()
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise ConfigError(owner, f"its Settings cannot be used: {first}") from error
    for key, field in model.model_fields.items():
        problem = _problem(field)
        if problem:
            raise ConfigError(f"{owner}, setting {key!r}", problem)


def _problem(field: FieldInfo) -> str:
    """What keeps a field from being a setting; nothing if nothing does."""
    extra: Mapping[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    if field.alias is not None or field.validation_alias is not None:
        return "cannot have an alias: options, variables and TOML keys are called after the field"
    if not isinstance(field.description, str | None):
        return "its description must be a string"
    if not isinstance(extra.get("metavar", ""), str):
        return "its metavar must be a string, such as PATH"
    short = extra.get("short", "-x")
    if not isinstance(short, str) or not _SHORT.fullmatch(short):
        return "its short must be a dash and one letter or digit, such as -x"
    return ""
