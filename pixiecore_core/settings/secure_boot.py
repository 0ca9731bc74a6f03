"""What a server needs for machines with Secure Boot, as settings: a key of one's own, or folders with signed loaders.

Reads no file: pixiecore_core/files/signing_key.py and pixiecore_core/firmware/signed.py do.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class SecureBootSettings(BaseModel):
    """How machines with Secure Boot are served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secureboot_key: Path | None = Field(
        default=None,
        description="PEM file with the private key that signs what --uefi-direct makes, for machines whose firmware "
        "has its certificate; without a pass phrase; needs sbsign or osslsigncode",
        json_schema_extra={"metavar": "PATH"},
    )
    secureboot_cert: Path | None = Field(
        default=None,
        description="PEM file with the certificate that belongs to --secureboot-key",
        json_schema_extra={"metavar": "PATH"},
    )
