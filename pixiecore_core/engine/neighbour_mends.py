"""What an admin does about another server that spoils boots: lines for each product, as data.

Tried beside Pixiecore where docs/how-to/beside-dhcp.md says so: dnsmasq, ISC dhcpd, Kea. Decides nothing.
"""

from __future__ import annotations

from enum import StrEnum


class Problem(StrEnum):
    """What is wrong with a neighbour; the value is its name in facts and documents, for good."""

    PXE_CLASS = "pxe-class-without-43"
    """A server that gives addresses says option 60, PXEClient, and sends no option 43: firmware takes it for the boot
    server and asks its port 4011, where nobody is (FIELD.md 2.2 number 8; tianocore/edk2 PxeBcDhcp4.c)."""
    NO_PXEDHCP = "no-pxedhcp"
    """It tells iPXE to wait for no proxy (ipxe.org/cfg/no-pxedhcp; dhcp.c)."""
    SECOND_PROXY = "second-proxy"
    """Another server offers boots, and no address: each machine picks one."""
    OTHER_FILE = "other-boot-file"
    """A server that gives addresses names a boot file, too: some firmware takes that."""
    OTHER_KEY = "other-key"
    """A Pixiecore that seals its URLs by another key: neither opens what the other has offered."""


MENDS: dict[Problem, tuple[str, ...]] = {
    Problem.PXE_CLASS: (
        "Have that server not send option 60; it needs to know nothing of booting:",
        "dnsmasq: remove dhcp-option=60,PXEClient (also dhcp-option-force and option:vendor-class), and pxe-service",
        'ISC dhcpd: remove option vendor-class-identifier "PXEClient";',
        'Kea: remove the option-data "vendor-class-identifier" (code 60), at every level',
        "Windows: Remove-DhcpServerv4OptionValue -OptionId 60, with -ScopeId for each scope that has it",
        "OPNsense, pfSense: remove number 60 from the DHCP server's additional options",
        "UniFi: remove option 60 from the network's custom DHCP options",
        "Where it must stay: point the machine to us by Redfish (HttpBootUri), or boot it from another network",
    ),
    Problem.NO_PXEDHCP: (
        "Have that server not send iPXE's option 175.176, or only to machines that are not ours:",
        "dnsmasq: remove dhcp-option=encap:175,176,1b",
        "ISC dhcpd: remove option ipxe.no-pxedhcp 1;",
        'Kea: remove "no-pxedhcp" from the option space of option 175',
        "Windows: Remove-DhcpServerv4OptionValue -OptionId 175",
        "OPNsense, pfSense: remove number 175 from the DHCP server's additional options",
        "UniFi: remove option 175 from the network's custom DHCP options",
    ),
    Problem.SECOND_PROXY: (
        "Let one of the two offer boots: stop the other, or keep it to machines of its own:",
        "dnsmasq: remove dhcp-range=…,proxy, pxe-service and pxe-prompt",
        "ISC dhcpd and Kea: are no proxies; look for another program at that address",
        "Windows: Stop-Service WDSServer, or have it answer known computers only; in Configuration Manager, take PXE "
        "off the distribution point",
        "OPNsense, pfSense: remove the proxy range from dnsmasq's custom options",
        "UniFi: switch Network Boot off in the network's DHCP settings",
        "FOG, netboot.xyz, Tinkerbell, MAAS: switch their DHCP proxy off",
        "Or have us ignore its machines: see the plugin allowlist",
    ),
    Problem.OTHER_FILE: (
        "Have that server name no boot file and no next server:",
        "dnsmasq: remove dhcp-boot, and the options 66 and 67",
        "ISC dhcpd: remove filename, next-server, option tftp-server-name and option bootfile-name",
        'Kea: remove "boot-file-name", "next-server" and the options 66 and 67',
        "Windows: Remove-DhcpServerv4OptionValue -OptionId 66, and 67",
        "OPNsense, pfSense: switch network booting off in the DHCP server's settings of the interface",
        "UniFi: switch Network Boot off in the network's DHCP settings",
    ),
    Problem.OTHER_KEY: (
        "Give both the same key, and each serves the other's machines: --key-file with a copy of the same file",
        "or stop one of them",
        "or have each ignore the other's machines: see the plugin allowlist",
    ),
}
"""What to do, a line each; the first says what for."""
