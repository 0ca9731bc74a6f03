"""Makes click options out of a pydantic model's fields, so that every setting is declared once.

Values are handed on as text: the model validates them, whatever source they come from. Starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.hidden import HIDDEN, is_secret, without_secrets
from pixiecore_core.settings.loaders import LoaderSettings, with_loaders
from pixiecore_core.settings.names import is_list, option_name
from pixiecore_core.settings.server import ServerSettings
from pixiecore_core.settings.spelling import spelled


def _shells_own(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    return lambda ctx, param, incomplete: [CompletionItem(incomplete, type=kind)]


_COMPLETED = {"PATH": _shells_own("file"), "PATH|URL": _shells_own("file"), "FOLDER": _shells_own("dir")}
"""How a shell completes a value, by its metavar."""


def model_options(
    model: type[BaseModel], prefix: str = "", section: str = "", names: Mapping[str, str] | None = None
) -> list[click.Option]:
    """One option for each field of *model*, those of its own before those it inherits.

    :param prefix: goes before the parameter names, to tell two models apart in one command
    :param section: goes before the options' names
    :param names: what options are called by field, where that is not the field's name
    """
    called = {key: option_name(f"{section}_{key}" if section else key) for key in model.model_fields} | dict(
        names or {}
    )
    own_first = sorted(model.model_fields.items(), key=lambda item: item[0] not in model.__annotations__)
    return [_option(prefix + key, called[key], key, field) for key, field in own_first]


def server_options(firmware: FirmwareTable = KNOWN) -> list[click.Option]:
    """An option for each of the server's settings, one for each loader of *firmware* among them."""
    return [*model_options(ServerSettings), *loader_options(firmware)]


def loader_options(firmware: FirmwareTable = KNOWN) -> list[click.Option]:
    """An option for each loader of *firmware*, which names another file in its place."""
    return model_options(with_loaders(LoaderSettings, firmware))


def given_options(
    ctx: click.Context, model: type[BaseModel], prefix: str = "", only: Collection[str] | None = None
) -> dict[str, Any]:
    """What the user gave of *model*'s options on this command line; defaults stay with the model, and fields without
    an option here are passed over.

    :param only: the fields that have an option here, where other options are called as further fields are
    """
    return {
        key: list(value) if isinstance(value := ctx.params[prefix + key], tuple) else value
        for key in (model.model_fields if only is None else only)
        if ctx.get_parameter_source(prefix + key) is ParameterSource.COMMANDLINE
    }


def _option(parameter: str, name: str, key: str, field: FieldInfo) -> click.Option:
    extra: Mapping[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    if field.annotation is bool and field.default is not False:
        name = f"{name}/--no-{name.removeprefix('--')}"
    names = [parameter, name, *([extra["short"]] if "short" in extra else [])]
    flag = field.annotation is bool
    return click.Option(
        names,
        is_flag=flag,
        multiple=is_list(field),
        default=False if flag else None,
        metavar=None if flag else extra.get("metavar", key.upper()),
        shell_complete=_COMPLETED.get(str(extra.get("metavar"))),
        help=_help(key, field),
    )


def _help(key: str, field: FieldInfo) -> str:
    text = f"{field.description}." if field.description else ""
    if not text.startswith("iPXE"):
        text = text[:1].upper() + text[1:]
    if field.is_required():
        return f"{text} [required]".strip()
    try:
        default = field.get_default(call_default_factory=True)
    except KeyboardInterrupt:
        raise
    except BaseException:
        default = None  # who starts a server is told, and who asks for help is not
    default = spelled(default)
    if isinstance(field.json_schema_extra, dict):
        default = field.json_schema_extra.get("shown", default)
    shown = default not in (None, "", False, [], ())
    if isinstance(default, bool):
        default = str(default).lower()
    if isinstance(default, (str, Path)):
        default = without_secrets(str(default))
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    if shown and (is_secret(key) or isinstance(default, (SecretStr, SecretBytes)) or extra.get("secret")):
        default = HIDDEN
    return f"{text} [default: {default}]".strip() if shown else text
