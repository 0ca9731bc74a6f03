"""One way to word an offer, or to help a machine over a later step of its boot: a row of the table of variants.

Values only; the core's rows are in :mod:`pixiecore_core.boot.variants`, and plugins may bring others.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from pixiecore_core.firmware.rows import FirmwareFamily
from pixiecore_core.models.base import Model
from pixiecore_core.models.request import Client, PxeRequest, Stage

_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


class Trouble(StrEnum):
    """Where a boot stopped, and so what another variant is for."""

    OFFER = "offer"
    """The machine asks again instead of fetching what it was offered."""
    TRANSFER = "transfer"
    """It began to fetch its first file, and did not get it."""
    LOADER = "loader"
    """It has its iPXE, and that has not asked for anything."""


class OfferVariant(Model):
    """One way to answer a machine. The first row that fits is where a machine begins; when it comes back without having
    taken the next step, the next row that fits has its turn.
    """

    name: str = Field(pattern=_NAME, description="such as skip-discovery; what `--offer-variant` takes")
    client: Client = Field(description="what kind of program it is for")
    source: str = Field(min_length=1, description="which firmware forced it, or which specification says so")
    trouble: Trouble = Field(default=Trouble.OFFER, description="what it helps against")
    families: tuple[FirmwareFamily, ...] = Field(default=(), description="only for these; for any if empty")
    stage: Stage | None = Field(default=None, description="only on this port; on both if None")
    vendor_class: bytes = Field(default=b"PXEClient", max_length=255, description="option 60; left out if empty")
    vendor_specific: bytes = Field(
        default=b"",
        max_length=255,
        description="option 43, its sub-options as they are sent, such as bytes([6, 1, 8, 255]); left out if empty",
    )
    ipxe: bytes = Field(default=b"", max_length=255, description="option 175; left out if empty")
    menu: bool = Field(default=False, description="option 43 is a boot menu whose one entry is this server")
    server_name: bool = Field(default=False, description="the header's sname holds our address")
    tftp_server: bool = Field(default=False, description="our address is in option 66 as well")
    always_option_67: bool = Field(
        default=False, description="the boot file is in option 67 even where the header's file field can hold it"
    )
    answers_requests: bool = Field(
        default=False, description="a DHCPREQUEST on port 67 is answered too, which is meant for another server"
    )
    most_blksize: int | None = Field(default=None, ge=512, le=65464, description="bytes in a TFTP block, at most")
    most_windowsize: int | None = Field(default=None, ge=1, description="TFTP blocks in a window, at most")
    other_loader: bool = Field(default=False, description="the other build of iPXE that the table of firmware has")

    @model_validator(mode="after")
    def _fits_its_trouble(self) -> Self:
        if self.client is Client.HTTP_BOOT and self.trouble is Trouble.OFFER and self.vendor_class == b"PXEClient":
            raise ValueError('HTTP Boot takes no answer of this class (UEFI 2.10 section 24.7): give b"HTTPClient"')
        if self.menu and self.vendor_specific:
            raise ValueError("a menu makes option 43 itself: leave vendor_specific out")
        if self.trouble is Trouble.TRANSFER and self.most_blksize is None and self.most_windowsize is None:
            raise ValueError("against a failed transfer, give most_blksize or most_windowsize")
        if self.trouble is Trouble.LOADER and not self.other_loader:
            raise ValueError("against a loader that does not come up, there is only other_loader")
        return self

    def fits(self, request: PxeRequest) -> bool:
        """Whether this row is for *request*."""
        architecture = request.machine.architecture
        return (
            self.client is request.client
            and self.stage in (None, request.stage)
            and (not self.families or (architecture is not None and architecture.family in self.families))
        )
