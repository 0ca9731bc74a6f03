"""Whom the server believes: which DHCP relays are the user's own, and whether a neighbour is who it says.

Declares settings; what they mean is for boot/route.py and net/neighbours.py.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def network(value: object) -> object:
    """An address or a network.

    :raises ValueError: it is neither
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        return IPv4Network(text)
    except ValueError as error:
        if "host bits" in str(error):
            address, network = text.partition("/")[0], IPv4Network(text, strict=False)
            raise ValueError(f"{text} is an address in a network; give {address} or {network}") from None
        raise ValueError("give an address, such as 192.0.2.1, or a network, such as 192.0.2.0/24") from None


def _of_relays(value: IPv4Network) -> IPv4Network:
    """A network that relays may be on.

    :raises ValueError: whoever trusted it would answer anybody
    """
    if value.is_multicast or value.prefixlen < 8:
        raise ValueError(
            f"{value} is not a network of relays: with it, a forged request could have an answer sent to anybody"
        )
    return value


class TrustSettings(BaseModel):
    """Whom the server believes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trust_relay: list[Annotated[IPv4Network, BeforeValidator(network), AfterValidator(_of_relays)]] = Field(
        default=[],
        description="answer this DHCP relay, or the relays and machines on this network, and believe what it says of "
        "where a machine is; may be repeated",
        json_schema_extra={"metavar": "ADDRESS|NETWORK"},
    )
    check_neighbour: bool = Field(
        default=False,
        description="refuse a script to a machine on our own network whose hardware address is not the one it claims",
    )
