"""What a server needs for machines with Secure Boot, as settings: a key of one's own, or folders with signed loaders.

Reads no file: pixiecore_core/files/signing_key.py and pixiecore_core/firmware/signed.py do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pixiecore_core.models import normalise_mac


def _shim(value: object) -> object:
    """A year, perhaps behind the machine that it is for.

    :raises ValueError: it is neither
    """
    if not isinstance(value, str):
        return value
    mac, equals, year = value.strip().rpartition("=")
    if year not in ("2011", "2023"):
        raise ValueError("give 2011 or 2023, or a machine's choice, such as 52:54:00:12:34:56=2023")
    return f"{normalise_mac(mac)}={year}" if equals else year


ShimChoice = Annotated[str, BeforeValidator(_shim)]
"""Such as ``2023``, or ``52:54:00:12:34:56=2023``."""


class SecureBootSettings(BaseModel):
    """How machines with Secure Boot are served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secureboot_key: Path | None = Field(
        default=None,
        description="PEM file with the private key that signs what --uefi-direct makes, for machines whose firmware "
        "has its certificate; without a pass phrase; needs sbsign or osslsigncode",
        json_schema_extra={"metavar": "PATH"},
    )
    secureboot_ipxe: Path | None = Field(
        default=None,
        description="folder with the signed iPXE that UEFI machines get instead of the unsigned one: a shim signed by "
        "Microsoft, such as shimx64.efi, and beside it snponly.efi or ipxe.efi, as iPXE 2.0's archive has them",
        json_schema_extra={"metavar": "FOLDER"},
    )
    secureboot_grub: Path | None = Field(
        default=None,
        description="folder with a distribution's shim and signed GRUB, which UEFI machines get instead of iPXE, or "
        "auto for where distributions put them; the main DHCP server must name us as its next-server",
        json_schema_extra={"metavar": "FOLDER|auto"},
    )
    secureboot_shim: list[ShimChoice] = Field(
        default=[],
        description="which of two shims in the folder machines get, by the Microsoft certificate that it is signed by: "
        "2011 or 2023, or MAC=2023 for one machine; may be repeated; 2011 if not given",
        json_schema_extra={"metavar": "YEAR|MAC=YEAR"},
    )
    secureboot_cert: Path | None = Field(
        default=None,
        description="PEM file with the certificate that belongs to --secureboot-key",
        json_schema_extra={"metavar": "PATH"},
    )
