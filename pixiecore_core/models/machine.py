"""The machine that asks, as far as it is known, on the DHCP path and on the script path alike."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from uuid import UUID

from pydantic import Field

from pixiecore_core.firmware.rows import Architecture
from pixiecore_core.models.base import MacAddress, Model


class Machine(Model):
    """What is known about the machine that asks; how much depends on the path, DHCP or script."""

    mac: MacAddress = Field(description="address of the network card that boots")
    architecture: Architecture | None = Field(
        default=None, description="what the client said it is; unknown on some paths"
    )
    uuid: UUID | None = Field(default=None, description="SMBIOS system UUID")
    serial: str = Field(default="", description="SMBIOS serial number, as iPXE reports it")
    manufacturer: str = Field(default="", description="SMBIOS manufacturer, as iPXE reports it")
    product: str = Field(default="", description="SMBIOS product name, as iPXE reports it")
    asset: str = Field(default="", description="SMBIOS asset tag, as iPXE reports it")
    board_serial: str = Field(default="", description="SMBIOS serial number of the main board, as iPXE reports it")
    chip: str = Field(default="", description="what iPXE drives its network card as, such as virtio-net or SNP")
    bus_id: str = Field(
        default="", description="PCI vendor and device of its network card as iPXE reports them, such as 1af4:1000"
    )
    without_ipxe: bool = Field(
        default=False,
        description="whether it boots without iPXE, which alone tells serial number, asset tag and the like: what is "
        "not known of it never will be",
    )
    net0_mac: MacAddress | None = Field(
        default=None, description="the machine's first card as iPXE counts; differs from mac when another card boots"
    )
    ipxe_version: str = Field(
        default="", description="the version of the iPXE that asks for its script, as it says it; empty on other paths"
    )
    interface: str = Field(default="", description="our network interface that the request came in on")
    subnet: IPv4Network | None = Field(
        default=None,
        description="our network on that interface, of a machine that is on it; unknown behind a relay",
    )
    relay: IPv4Address | None = Field(
        default=None,
        description="giaddr of the DHCP relay in between, if `--trust-relay` names it; a neighbour can forge it, so "
        "judge by `address` once there is one",
    )
    hostname: str = Field(
        default="",
        description="what the machine calls itself: as iPXE was told by the DHCP server, or as its firmware says",
    )
    address: IPv4Address | None = Field(
        default=None,
        description="the machine's own address, once it has one: on the script path, never on the DHCP path",
    )
    told_address: IPv4Address | None = Field(
        default=None, description="the address that iPXE says it has: another than `address` behind NAT"
    )
