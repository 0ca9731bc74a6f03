"""The table of ways to answer: how each kind of firmware is offered its boot, and what is tried when it refuses.

Rows with their sources; a plugin may add others, which come after these. Which row a machine gets is decided by
:mod:`pixiecore_core.engine.adapting`; the bytes are built by :mod:`pixiecore_core.boot.offers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pixiecore_core.closest import no_such
from pixiecore_core.errors import ConfigError
from pixiecore_core.firmware.rows import FirmwareFamily
from pixiecore_core.models import Client, PxeRequest, Stage, normalise_mac
from pixiecore_core.models.offer import OfferVariant, Trouble

_SKIP_DISCOVERY = b"\x06\x01\x08"
"""Option 43, PXE 2.1 table 2-1: sub-option 6 with bit 3, "fetch the boot file, no menu, no boot-server discovery"."""
_BOOT_ITEM = b"\x47\x04\x80\x00\x00\x00"
"""Sub-option 71: the boot server's type, the first of those that vendors may define, and layer 0."""
_END = b"\xff"
_IPXE_PRIORITY = b"\x01\x01\x01"
"""Option 175 sub-option 1 = 1: our boot file outranks one that the ordinary DHCP server names (iPXE settings.c)."""

_PXE, _BIOS, _UEFI = Client.PXE, FirmwareFamily.BIOS, FirmwareFamily.UEFI

_TAUGHT = (_BIOS, _UEFI)
"""Those of which it is known that they differ."""
_PI = b"\x06\x01\x03\x09\x14\x00\x00\x11Raspberry Pi Boot\x0a\x04\x00PXE\xff"
"""Option 43: a boot menu with the words that the ROM looks for, and a prompt (PXE 2.1 table 2-1, sub-options 9 and 10).
"""

ROWS = (
    OfferVariant(
        name="pi",
        client=_PXE,
        families=(FirmwareFamily.RPIBOOT,),
        vendor_specific=_PI,
        tftp_server=True,
        source="the ROM takes no offer without these words (rpi-eeprom issues 82, 87); smee's firmware boots so",
    ),
    OfferVariant(
        name="u-boot",
        client=_PXE,
        families=(FirmwareFamily.U_BOOT,),
        source="U-Boot reads the header's file and siaddr only (siderolabs/booter PR 12)",
    ),
    OfferVariant(
        name="bios",
        client=_PXE,
        families=(_BIOS,),
        stage="dhcp",
        vendor_specific=_SKIP_DISCOVERY + _END,
        server_name=True,
        source="without option 43 a BIOS ROM ends in PXE-E55 (siderolabs/booter issue 4)",
    ),
    OfferVariant(
        name="binl",
        client=_PXE,
        families=(*_TAUGHT, FirmwareFamily.OTHER),
        server_name=True,
        source="UEFI is better off without option 43: some drop offers that skip discovery, and all then ask 4011",
    ),
    OfferVariant(
        name="skip-discovery",
        client=_PXE,
        families=(_UEFI,),
        stage="dhcp",
        vendor_specific=_SKIP_DISCOVERY + _END,
        server_name=True,
        source="EDK2 keeps every offer without option 43, but only the first with it, so that this comes second "
        "(PxeBcDhcp4.c); firmware that does not ask 4011 needs it (danderson/netboot issue 43)",
    ),
    OfferVariant(
        name="boot-item",
        client=_PXE,
        families=_TAUGHT,
        stage="dhcp",
        vendor_specific=_SKIP_DISCOVERY + _BOOT_ITEM + _END,
        server_name=True,
        source="Intel's and Supermicro's ROMs want a boot item (danderson/pixiecore issue 21)",
    ),
    OfferVariant(
        name="menu",
        client=_PXE,
        families=_TAUGHT,
        stage="dhcp",
        menu=True,
        server_name=True,
        source="some Realtek ROMs boot from a menu only (WillChamness issue 3); PXE 2.1 section 2.2.3",
    ),
    OfferVariant(
        name="no-class",
        client=_PXE,
        families=_TAUGHT,
        vendor_class=b"",
        server_name=True,
        source="Ampere eMAG passes over the boot file of an answer that has option 60 (tinkerbell/smee PR 228)",
    ),
    OfferVariant(
        name="on-request",
        client=_PXE,
        families=_TAUGHT,
        stage="dhcp",
        vendor_specific=_SKIP_DISCOVERY + _BOOT_ITEM + _END,
        server_name=True,
        answers_requests=True,
        source="some of Intel's ROMs want the answer to their DHCPREQUEST (danderson/pixiecore issue 21)",
    ),
    OfferVariant(
        name="small-blocks",
        client=_PXE,
        families=_TAUGHT,
        trouble=Trouble.TRANSFER,
        most_blksize=1024,
        most_windowsize=1,
        source="some ROMs break on TFTP blocks of over 1024 bytes, and tunnels drop what is near an Ethernet frame",
    ),
    OfferVariant(
        name="smallest-blocks",
        client=_PXE,
        families=_TAUGHT,
        trouble=Trouble.TRANSFER,
        most_blksize=512,
        most_windowsize=1,
        source="RFC 1350 section 2: what every client takes",
    ),
    OfferVariant(
        name="other-ipxe",
        client=_PXE,
        families=_TAUGHT,
        trouble=Trouble.LOADER,
        other_loader=True,
        source="iPXE's own driver fails on some cards (ipxe issues 250, 972), the firmware's on others",
    ),
    OfferVariant(
        name="other-ipxe-by-http",
        client=Client.HTTP_BOOT,
        trouble=Trouble.LOADER,
        other_loader=True,
        source="as other-ipxe",
    ),
    OfferVariant(name="ipxe", client=Client.IPXE, ipxe=_IPXE_PRIORITY, source="iPXE settings.c and dhcp.c"),
    OfferVariant(
        name="http-boot",
        client=Client.HTTP_BOOT,
        vendor_class=b"HTTPClient",
        always_option_67=True,
        source="UEFI 2.10 section 24.7: option 60 must be echoed, and the boot file is a URL in option 67",
    ),
)
"""The core's own."""


class VariantTable:
    """All rows, the core's own and those of plugins.

    :param added: rows by the plugin whose they are
    :raises ConfigError: a name appears twice
    """

    def __init__(self, added: Mapping[str, Iterable[OfferVariant]] | None = None) -> None:
        self.rows: dict[str, OfferVariant] = {row.name: row for row in ROWS}
        for plugin, rows in (added or {}).items():
            for row in rows:
                if row.name in self.rows:
                    raise ConfigError(f"plugin {plugin!r}", f"there already is an offer variant {row.name!r}")
                self.rows[row.name] = row
        # What fits is asked for at each offer, and depends on these few things alone.
        self._fitting: dict[tuple[Client, Stage, FirmwareFamily | None, Trouble], tuple[OfferVariant, ...]] = {}

    def pinned(self, texts: Iterable[str]) -> dict[str, str]:
        """The rows that were named by hand: by MAC address, and by ``""`` for all others.

        :param texts: ``NAME``, or ``MAC=NAME``
        :raises ConfigError: there is no such row, or no such MAC address
        """
        found: dict[str, str] = {}
        for text in texts:
            mac, _, name = text.rpartition("=")
            try:
                machine = normalise_mac(mac) if mac else ""
            except ValueError as error:
                raise ConfigError("--offer-variant", str(error)) from error
            if found.setdefault(machine, name) != name:
                whose = f"for {machine}" if machine else "for all machines"
                raise ConfigError("--offer-variant", f"two are given {whose}, {found[machine]} and {name}: give one")
            if name not in self.rows:
                raise ConfigError("--offer-variant", no_such("offer variant", name, _wordings(self.rows)))
            if self.rows[name].trouble is not Trouble.OFFER:
                reason = (
                    f"{name} words no offer; it is tried by itself where a file does not arrive or iPXE stays silent"
                )
                raise ConfigError("--offer-variant", reason)
        return found

    def fitting(self, request: PxeRequest, trouble: Trouble = Trouble.OFFER) -> tuple[OfferVariant, ...]:
        """The rows that fit a request and help against a trouble, in the order in which they are tried."""
        architecture = request.machine.architecture
        key = (request.client, request.stage, architecture.family if architecture is not None else None, trouble)
        found = self._fitting.get(key)
        if found is None:
            rows = self.rows.values()
            found = self._fitting[key] = tuple(row for row in rows if row.trouble is trouble and row.fits(request))
        return found


def _wordings(rows: Mapping[str, OfferVariant]) -> list[str]:
    return [name for name, row in rows.items() if row.trouble is Trouble.OFFER]
