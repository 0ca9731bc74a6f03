"""How a listener is written down: ``off``, a port, or an address of ours and a port. Binds nothing."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated

from pydantic import BeforeValidator, Field

from pixiecore_core.models import Model


class Endpoint(Model):
    """Where one listener binds; ``address`` is ``None`` for ``--listen-addr``'s."""

    address: IPv4Address | None = None
    port: int = Field(ge=0, le=65535)


def endpoint(value: object) -> object:
    """``off``, ``PORT``, or ``ADDRESS:PORT``.

    :raises ValueError: it is none of them
    """
    if not isinstance(value, (str, int)):
        return value
    text = str(value).strip().lower()
    if text == "off":
        return None
    address, colon, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError("give PORT, ADDRESS:PORT or 'off'")
    return {"address": address or None, "port": int(port)} if colon else {"port": int(port)}


Listener = Annotated[Endpoint | None, BeforeValidator(endpoint)]
