"""What can be set, and where each value comes from: command line, then environment, then TOML file, then default.

The server's own settings are a pydantic model like any plugin's, and the same function merges the sources of them all.
Knows nothing of click; reads no environment by itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, ValidationError, create_model
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError, PixiecoreError
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Model
from pixiecore_core.setting_errors import TABLE_ERRORS, culprit, inner_key

M = TypeVar("M", bound=BaseModel)


class Endpoint(Model):
    """Where one listener binds; ``address`` is ``None`` for ``--listen-addr``'s."""

    address: IPv4Address | None = None
    port: int = Field(ge=0, le=65535)


def _endpoint(value: object) -> object:
    """``off``, ``PORT``, or ``ADDRESS:PORT``.

    :raises ValueError: it is none of them
    """
    if not isinstance(value, (str, int)):
        return value
    text = str(value).strip().lower()
    if text == "off":
        return None
    address, colon, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError("give PORT, ADDRESS:PORT or 'off'")
    return {"address": address or None, "port": int(port)} if colon else {"port": int(port)}


Listener = Annotated[Endpoint | None, BeforeValidator(_endpoint)]


_TABLES = {
    "server": "a table [server]",
    "booter": "a table [booter.NAME] for each booter; which one to use is named by booter in [server]",
    "plugin": "a table [plugin.NAME] for each plugin",
}
"""What a settings file may hold."""

_PATH: JsonDict = {"metavar": "PATH"}
_LISTENER: JsonDict = {"metavar": "LISTENER"}


class LoaderSettings(BaseModel):
    """Where the first-stage loaders are; :func:`with_loaders` adds a setting for each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def loaders(self, firmware: FirmwareTable) -> dict[str, Path]:
        """The paths that were given, by the loader's name."""
        paths = {loader.name: getattr(self, loader.setting, None) for loader in firmware.loaders()}
        return {name: path for name, path in paths.items() if path is not None}


L = TypeVar("L", bound=LoaderSettings)


@lru_cache(maxsize=32)
def with_loaders(model: type[L], firmware: FirmwareTable) -> type[L]:
    """*model* with a setting for each loader of a table."""
    fields: dict[str, Any] = {
        loader.setting: (
            Path | None,
            Field(
                default=None,
                description=f"iPXE for {loader.serves}, such as {loader.files[0]}",
                json_schema_extra={"metavar": "PATH"},
            ),
        )
        for loader in firmware.loaders()
    }
    made: type[L] = create_model(model.__name__, __base__=model, **fields)
    return made


class CacheSettings(BaseModel):
    """Where files from other web servers are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_dir: Path | None = Field(
        default=None,
        description="folder to keep downloaded boot files in; the user's cache folder if not given",
        json_schema_extra={"metavar": "FOLDER"},
    )
    cache_size: ByteSize = Field(
        default=ByteSize(20_000_000_000),
        gt=0,
        description="bytes that they may take, such as 500M, 20G or 1TiB",
        json_schema_extra={"metavar": "SIZE", "shown": "20G"},
    )


class ServerSettings(LoaderSettings, CacheSettings):
    """The server's settings."""

    listen_addr: IPv4Address = Field(
        default=IPv4Address(0),
        description="serve only the network that this address of ours is on",
        json_schema_extra={"short": "-l", "metavar": "ADDRESS"},
    )
    port: int = Field(
        default=80, ge=0, le=65535, description="port of the HTTP server", json_schema_extra={"short": "-p"}
    )
    interface: list[str] = Field(
        default=[],
        description="serve only this network interface; may be repeated",
        json_schema_extra={"metavar": "NAME"},
    )
    dhcp: Listener = Field(
        default=Endpoint(port=67),
        description="ProxyDHCP listener: PORT, ADDRESS:PORT or off",
        json_schema_extra=_LISTENER,
    )
    pxe: Listener = Field(
        default=Endpoint(port=4011),
        description="PXE boot-server listener: PORT, ADDRESS:PORT or off",
        json_schema_extra=_LISTENER,
    )
    tftp: Listener = Field(
        default=Endpoint(port=69), description="TFTP listener: PORT, ADDRESS:PORT or off", json_schema_extra=_LISTENER
    )
    http: Listener = Field(
        default=None,
        description="HTTP listener: PORT, ADDRESS:PORT or off; --port if not given",
        json_schema_extra=_LISTENER,
    )
    dhcp_no_bind: bool = Field(
        default=False, description="hear DHCP without binding its port, to run beside a DHCP server on this host"
    )
    no_cache: bool = Field(
        default=False, description="keep no files from other web servers; fetch them anew for each machine"
    )
    key_file: Path | None = Field(
        default=None,
        description="file with the key that seals URLs, made if there is none; instances that share it can serve each "
        "other's machines; in the user's state folder if not given",
        json_schema_extra=_PATH,
    )
    url_lifetime: int | None = Field(
        default=None,
        gt=0,
        description="seconds after which the URLs in a boot script cease to work; they work for ever if not given",
        json_schema_extra={"metavar": "SECONDS"},
    )
    plugin_order: list[str] = Field(
        default=[],
        description="ask this plugin before the others; may be repeated; without it, they are asked by name",
        json_schema_extra={"metavar": "NAME"},
    )
    hook_timeout: float = Field(
        default=10.0,
        gt=0,
        description="seconds that a plugin may take for one answer",
        json_schema_extra={"metavar": "SECONDS"},
    )
    event_timeout: float = Field(
        default=2.0,
        gt=0,
        description="seconds that a plugin may take to hear of one event",
        json_schema_extra={"metavar": "SECONDS"},
    )
    debug: bool = Field(
        default=False, description="tell what is ignored, too, and why", json_schema_extra={"short": "-d"}
    )
    log_timestamps: bool = Field(
        default=False, description="put the time before each line", json_schema_extra={"short": "-t"}
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="text for people, or json for machines", json_schema_extra={"metavar": "FORMAT"}
    )

    def http_endpoint(self) -> Endpoint | None:
        """Where HTTP listens: ``--http`` if it was given, else ``--port``."""
        return self.http if "http" in self.model_fields_set else Endpoint(port=self.port)


def is_list(field: FieldInfo) -> bool:
    """Whether a setting takes several values."""
    kind: Any = field.annotation
    while True:
        inner = [part for part in get_args(kind) if part is not NoneType]
        if get_origin(kind) is Annotated or (get_origin(kind) in (Union, UnionType) and len(inner) == 1):
            kind = inner[0]
        elif hasattr(kind, "__value__"):
            kind = kind.__value__  # of a "type" statement
        else:
            return (get_origin(kind) or kind) in _LISTS


_LISTS = (list, tuple, set, frozenset, Sequence)


def option_name(key: str) -> str:
    """``listen_addr`` as ``--listen-addr``."""
    return "--" + key.replace("_", "-")


def variable_name(section: str, key: str) -> str:
    """The environment variable of a setting: ``PIXIECORE_PORT``, or ``PIXIECORE_STATIC_KERNEL`` in a section."""
    # A booter "api" with a setting "api_ca" needs no PIXIECORE_API_API_CA.
    parts = ("PIXIECORE", key) if key.startswith(f"{section}_") else ("PIXIECORE", section, key)
    return "_".join(part for part in parts if part).upper().replace("-", "_")


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a settings file.

    :raises ConfigError: it cannot be read, is not TOML, or holds something else than the tables that it may
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("--config", f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # Also numbers of thousands of digits, and brackets in thousands of brackets.
        raise ConfigError("--config", f"{path} is not TOML: {error}") from error
    for name, table in tables.items():
        if name not in _TABLES:
            raise ConfigError(f"[{name}] in {path}", no_such("table", name, _TABLES))
        if not isinstance(table, dict):
            raise ConfigError(f"{name} in {path}", f"expected is {_TABLES[name]}")
        for key, value in table.items():
            if name != "server" and not isinstance(value, dict):
                raise ConfigError(f"[{name}] {key} in {path}", f"expected is {_TABLES[name]}")
    return tables


def check_names(tables: Mapping[str, Any], kind: Literal["booter", "plugin"], known: Collection[str]) -> None:
    """Refuse a table that nobody reads.

    :param known: the names that there are, of booters or of plugins
    :raises ConfigError: there is a table ``[kind.NAME]`` of another name
    """
    for name in tables.get(kind, {}):
        if name not in known:
            raise ConfigError(f"[{kind}.{name}]", no_such(kind, name, known))


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the values of one model come from, and what each is called there."""

    given: Mapping[str, Any]
    """What the command line gave, by field name."""
    environment: Mapping[str, str]
    table: Mapping[str, Any]
    """Of the TOML file."""
    title: str = "[server]"
    """What the table is called in messages."""
    section: str = ""
    """The booter's or policy's name; empty for the server's own settings."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """What a value is called on this command line, where that is not its option's name."""
    also: Collection[str] = ()
    """What else the table may hold, for others to read."""

    @classmethod
    def server(
        cls,
        given: Mapping[str, Any],
        environment: Mapping[str, str],
        tables: Mapping[str, Any],
        only: Collection[str] | None = None,
    ) -> Sources:
        """Of the server's settings.

        :param only: the keys that are read here, where the others are nobody's business
        """
        table = tables.get("server", {})
        if only is not None:
            table = {key: value for key, value in table.items() if key in only}
        return cls(given, environment, table, also=("booter",))

    @classmethod
    def booter(
        cls,
        name: str,
        given: Mapping[str, Any],
        environment: Mapping[str, str],
        tables: Mapping[str, Any],
        arguments: Mapping[str, str] | None = None,
    ) -> Sources:
        """Of the settings of the booter *name*."""
        table = tables.get("booter", {}).get(name, {})
        return cls(given, environment, table, f"[booter.{name}]", name, arguments or {})

    @classmethod
    def policy(
        cls,
        name: str,
        model: type[BaseModel],
        given: Mapping[str, Any],
        environment: Mapping[str, str],
        tables: Mapping[str, Any],
    ) -> Sources:
        """Of the settings of the policy *name*, whose options begin with its name."""
        table = tables.get("plugin", {}).get(name, {})
        options = {key: option_name(f"{name}_{key}") for key in model.model_fields}
        return cls(given, environment, table, f"[plugin.{name}]", name, options)

    def gather(self, model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, str]]:
        """Every value that somebody gave for *model*, not validated yet, and where.

        :raises ConfigError: the table holds what *model* has not
        """
        values: dict[str, Any] = {}
        written: dict[str, str] = {}
        for key, value in self.table.items():
            if key in self.also:
                continue
            if key not in model.model_fields:
                raise ConfigError(f"{self.title} {key}", no_such("setting", key, [*model.model_fields, *self.also]))
            single = is_list(model.model_fields[key]) and isinstance(value, str)
            values[key], written[key] = [value] if single else value, f"{self.title} {key}"
        for key, info in model.model_fields.items():
            variable = variable_name(self.section, key)
            if self.environment.get(variable):
                text = self.environment[variable]
                values[key] = [part.strip() for part in text.split(",")] if is_list(info) else text
                written[key] = variable
        for key, value in self.given.items():
            values[key], written[key] = value, self.arguments.get(key, option_name(key))
        return values, written

    def resolve(self, model: type[M]) -> M:
        """A *model* from all its sources.

        :raises ConfigError: a value is unusable, missing or unknown; named as the user wrote it
        """
        values, written = self.gather(model)
        try:
            return model(**values)
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0]) if first["loc"] else ""
            inner = inner_key(first["loc"][1:], values.get(key), first["type"])
            reason = first["msg"].removeprefix("Value error, ")
            if first["type"].startswith("byte_size"):
                reason = f"{first['input']!r} is no size such as 500M, 20G or 1TiB"
            if first["type"] == "missing":
                variable = variable_name(self.section, key)
                where = "" if inner else f"; give it here, as {variable} or as {key} in {self.title}"
                reason = f"is needed{where}"
            if first["type"] in TABLE_ERRORS and isinstance(first["input"], str):
                reason = f"is a table, which can only stand in the settings file, as {key} in {self.title}"
            raise ConfigError(self._called(key, written) + inner, reason) from error
        except (PixiecoreError, KeyboardInterrupt):
            raise
        except BaseException as error:
            name = self._called(culprit(model, values), written)
            raise ConfigError(name, f"could not be checked ({type(error).__name__}: {error})") from error

    def _called(self, key: str, written: Mapping[str, str]) -> str:
        """What the user wrote a setting as, or would."""
        if not key:
            return self.title
        return written.get(key, self.arguments.get(key, option_name(key)))
