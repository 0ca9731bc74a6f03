"""DHCP messages for tests: a plain BIOS PXE client's, changed as told."""

from __future__ import annotations

from pixiecore_core.wire.dhcp4 import Dhcp4Message, MessageType, Op, Option

MAC = bytes.fromhex("525400123456")
HTTP_IPXE = {Option.USER_CLASS: b"iPXE", Option.IPXE: b"\x13\x01\x01"}
"""The options by which an iPXE that can fetch over HTTP is known."""
REQUEST = {Option.MESSAGE_TYPE: bytes([MessageType.REQUEST])}


def message(options: dict[int, bytes] | None = None, **changes: object) -> Dhcp4Message:
    """A DISCOVER of architecture 0 with further *options* and other fields."""
    base = {
        Option.MESSAGE_TYPE: bytes([MessageType.DISCOVER]),
        Option.VENDOR_CLASS: b"PXEClient",
        Option.CLIENT_ARCHITECTURE: b"\0\0",
    }
    fields: dict[str, object] = {"op": Op.BOOTREQUEST, "xid": 7, "chaddr": MAC, "options": base | (options or {})}
    return Dhcp4Message(**(fields | changes))  # type: ignore[arg-type]


def architecture(code: int) -> dict[int, bytes]:
    """Option 93 with one code."""
    return {Option.CLIENT_ARCHITECTURE: code.to_bytes(2, "big")}
