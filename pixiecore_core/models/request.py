"""What a machine asks for: one DHCP message that passed every check, and who sent it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from pixiecore_core.models.base import Model
from pixiecore_core.models.machine import Machine

Stage = Literal["dhcp", "pxe"]
"""Where a request came in: on port 67, or on the boot-server port 4011."""


class Client(StrEnum):
    """What kind of program is asking."""

    PXE = "PXE"
    """PXE firmware, or an iPXE that cannot fetch over HTTP: it takes a boot file over TFTP."""
    IPXE = "iPXE"
    """An iPXE that can fetch over HTTP: it takes the script's URL."""
    HTTP_BOOT = "HTTP Boot"
    """UEFI HTTP Boot: it takes a boot file's URL."""


class PxeRequest(Model):
    """A machine asks to be booted: one DHCP message that passed every check."""

    machine: Machine
    client: Client
    loader: str | None = Field(
        description="name of the first-stage loader it needs, such as efi-x64; None where none is known"
    )
    stage: Stage = Field(description="'dhcp' on port 67, 'pxe' for a boot-server request on 4011")
    vendor_class: str = Field(
        default="", max_length=255, description="option 60, what it says of itself, such as PXEClient:Arch:00007:…"
    )
    without_http: bool = Field(default=False, description="whether it is an iPXE that cannot fetch over HTTP")
    transaction_id: int = Field(ge=0, le=0xFFFFFFFF, description="xid, the same in retransmissions of one attempt")
    seconds: int = Field(ge=0, le=0xFFFF, description="secs, how long the client says it has been trying")
