"""What can be set of HTTP: how many connections a client may have, and who may see the status page."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pixiecore_core.settings.listening import Endpoint, endpoint
from pixiecore_core.settings.trust import network

_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


def _status(value: object) -> object:
    """``http``, ``loopback``, ``off``, ``PORT``, or ``ADDRESS:PORT``.

    :raises ValueError: it is none of them
    """
    if isinstance(value, str) and value.strip().lower() in ("http", "loopback", "off"):
        return value.strip().lower()
    try:
        return endpoint(value)
    except ValueError as error:
        raise ValueError("give PORT, ADDRESS:PORT, 'http', 'loopback' or 'off'") from error


def _host(value: str) -> str:
    """A name as browsers write it.

    :raises ValueError: it is none
    """
    name = value.strip().lower().rstrip(".")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{value!r} is not a host name: give one such as pxe.example.com, without a port")
    return name


class HttpSettings(BaseModel):
    """Who may ask HTTP for what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    http_connections_per_client: int = Field(
        default=64,
        ge=1,
        le=1024,
        description="HTTP connections at once from one address; a machine needs one or two",
        json_schema_extra={"metavar": "NUMBER"},
    )
    http_shared_address: list[Annotated[IPv4Network, BeforeValidator(network)]] = Field(
        default=[],
        description="address or network of a NAT or proxy that many machines are behind: each address there may have "
        "half of all HTTP connections and TFTP transfers; may be repeated",
        json_schema_extra={"metavar": "ADDRESS|NETWORK"},
    )
    allow_host: list[Annotated[str, AfterValidator(_host)]] = Field(
        default=[],
        description="name under which browsers reach the status page and plugins' pages, besides this host's own; may "
        "be repeated",
        json_schema_extra={"metavar": "NAME"},
    )
    status: Annotated[Endpoint | Literal["http", "loopback", "off"], BeforeValidator(_status)] = Field(
        default="http",
        description="where the status page and its JSON are: http, beside the rest; loopback, there but for this host "
        "alone; PORT or ADDRESS:PORT, a listener of their own; or off",
        json_schema_extra={"metavar": "LISTENER"},
    )
    status_token_file: Path | None = Field(
        default=None,
        description="file with a token that whoever wants the status page or its JSON must send, as a bearer token or "
        "as the password of any user",
        json_schema_extra={"metavar": "PATH"},
    )
