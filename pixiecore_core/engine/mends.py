"""What to do about each diagnosis, in plain words: data, and nothing else.

Lines that begin with four spaces are lines of a configuration, for the program that the line before them names.
``{server}`` is our address, ``{mac}`` the machine's.
"""

from __future__ import annotations

from pixiecore_core.engine.case import Cause

IN_ONE_SERVER = (
    "Let the DHCP server name this machine's boot file itself, so that there is only one offer:",
    "  dnsmasq:",
    "    dhcp-host={mac},set:pixiecore",
    "    dhcp-boot=tag:pixiecore,{file},,{server}",
    "  ISC dhcpd:",
    '    host pixiecore { hardware ethernet {mac}; next-server {server}; filename "{file}"; }',
    "  Kea, among the reservations:",
    '    { "hw-address": "{mac}", "next-server": "{server}", "boot-file-name": "{file}" }',
    "  Windows: a reservation for the machine, with options 066 = {server} and 067 = {file}",
    "  OPNsense, pfSense: a static mapping for the machine, with next server {server} and file name {file}",
    "  UniFi: Settings, Networks, DHCP, Network Boot; that is for all machines of the network, which must be alike",
)
"""For firmware that takes no two-server offers: HP laptops (bootimus issue 77), DL380 Gen9 (netboot issue 43)."""

OR_NOT_HEARD = (
    "If there is one all the same (on the boot server's own host, behind a relay, or answering machines directly, "
    "it is not heard), the firmware seems to want everything from one server:"
)
"""Between what mends the lack of a DHCP server, and what firmware needs that takes no two-server offers."""

OR_HTTP_LOST = (
    "Or it took our offer, and its request was lost: does a firewall drop TCP port {port}? pixiecore doctor looks"
)
"""Where iPXE may have taken another's offer, and may not."""

HTTP_BOOT_URI = (
    "Where the BMC speaks Redfish, no DHCP is needed at all: set HttpBootUri to {url} and boot once from UefiHttp"
)
"""For UEFI alone."""

MEANINGS: dict[Cause, str] = {
    Cause.NO_REQUEST: "nothing of the machine has arrived",
    Cause.NO_OFFER: "in a capture: it asked, and no boot server answered",
    Cause.IGNORED: "somebody's policy, or the lack of a loader, refused it",
    Cause.HELD: "it is told to wait, and does",
    Cause.OFFER_NOT_SEEN: "its iPXE says in `secs` that our offer has not reached it",
    Cause.NO_DHCP: "it has our offer, and no DHCP server's: its iPXE says so in `secs`, or none was heard",
    Cause.OPTION_60: "the DHCP server says that it is a PXE server, so UEFI asks that one for its boot file",
    Cause.SECOND_PROXY: "another proxy offers it something else",
    Cause.OFFER_NOT_TAKEN: "its firmware asks again and again, and takes neither an address nor the boot file",
    Cause.TFTP_BLOCKED: "it saw the offer, and its request for the file, or what was sent, was lost",
    Cause.HTTP_BLOCKED: "it saw the offer, and its request by HTTP was lost",
    Cause.TRANSFER_FAILED: "a file broke off on its way",
    Cause.LOADER_SILENT: "it has fetched iPXE, and that has not been heard of",
    Cause.WITHOUT_HTTP: "the iPXE in its card was built without HTTP",
    Cause.ODD_RANGE: "its iPXE sends `Range: bytes=u-u`",
    Cause.SCRIPT_FAILED: "there was no script for it: a plugin failed, an API was down, a template is broken",
    Cause.FILE_FAILED: "a file is not there, or another server does not give it",
    Cause.NOT_A_KERNEL: "iPXE or the firmware cannot start what it was given",
    Cause.STEP_FAILED: "another step of its script failed",
    Cause.STALLED: "it went on to its script or its kernel, and has been silent since",
    Cause.CAME_BACK: "its kernel started, and soon it asked to be booted again",
    Cause.SILENT_AFTERWARDS: "its kernel started, and its system has not been heard of",
    Cause.TIME_LOST: "other entries of its boot order had their turn first",
}
"""What each cause means, for the reference."""

MENDS: dict[Cause, tuple[str, ...]] = {
    Cause.NO_REQUEST: (
        "Is the cable in, and does the port's light go on when the machine starts?",
        "Is the card's network boot (PXE, or HTTP Boot) on in the firmware's setup, and first in the boot order?",
        "Are machine and server in one VLAN? Else a relay (ip helper-address) must lead to {server}, and --trust-relay "
        "name it",
        "Does the switch port take 30 s to come up? Turn PortFast (edge port) on, or spanning tree off, for it",
        "Does a firewall here drop UDP port 67? pixiecore doctor looks",
    ),
    Cause.NO_OFFER: (
        "Does a boot server run, and is it in this network, or named by the relay? On its host: pixiecore doctor",
        "A boot server that has decided not to answer says why in its log: pixiecore explain {mac}",
    ),
    Cause.IGNORED: (
        "pixiecore select --mac {mac} asks all plugins what they say of it; pixiecore firmware lists what there is for "
        "its firmware",
    ),
    Cause.OFFER_NOT_SEEN: (
        "iPXE waits some 2 s for offers: answer sooner (a plugin may be slow: see the timeline), or look for what "
        "drops broadcasts between here and the machine",
        "A switch port that is still learning drops the first seconds: turn PortFast on for it",
    ),
    Cause.NO_DHCP: (
        "Does a DHCP server run in this network, and has it addresses left? pixiecore doctor asks",
        "Is the machine known to it, if it serves known machines alone?",
        "Does a switch drop what it answers (DHCP snooping: its port must be trusted)?",
    ),
    Cause.OFFER_NOT_TAKEN: IN_ONE_SERVER,
    Cause.TFTP_BLOCKED: (
        "Let UDP port 69 in on this host, and what TFTP answers from out (any high port, or use --tftp-single-port):",
        "  nftables, where your table and chain are called so (nft list ruleset):",
        "    nft insert rule inet filter input udp dport { 67, 69, 4011 } accept",
        "  firewalld:",
        "    firewall-cmd --permanent --add-port=67/udp --add-port=69/udp --add-port=4011/udp",
        "    firewall-cmd --reload",
        "  ufw:",
        "    ufw allow 67,69,4011/udp",
        "pixiecore doctor looks for such rules here; a firewall between here and the machine only its own log shows",
    ),
    Cause.HTTP_BLOCKED: (
        "Let TCP port {port} in on this host:",
        "  nftables, where your table and chain are called so (nft list ruleset):",
        "    nft insert rule inet filter input tcp dport {port} accept",
        "  firewalld:",
        "    firewall-cmd --permanent --add-port={port}/tcp",
        "    firewall-cmd --reload",
        "  ufw:",
        "    ufw allow {port}/tcp",
        "Can the machine reach {server} at all? Its address, mask and gateway are the DHCP server's to give",
        "pixiecore doctor looks for such rules here; a firewall between here and the machine only its own log shows",
    ),
    Cause.TRANSFER_FAILED: (
        "Where blocks get lost, smaller ones and fewer at once may come through: --tftp-blksize 1024, "
        "--tftp-windowsize 1",
    ),
    Cause.LOADER_SILENT: (
        "Is Secure Boot on? It starts only what is signed by a key that it knows: see --secureboot-grub, "
        "--secureboot-ipxe and --secureboot-key",
        "Its iPXE may not get along with the card: after a second failure the other build is offered by itself",
        "Was it the file for this processor? The timeline names what was sent, pixiecore firmware what there is",
    ),
    Cause.WITHOUT_HTTP: (
        "Its card's own iPXE was built without HTTP, so it is handed another by TFTP, which takes a few seconds more; "
        "a newer ROM for the card, or the firmware's own PXE, saves them",
    ),
    Cause.ODD_RANGE: (
        "That build of iPXE for i386 is broken (ipxe issue 767): it is given whole files, and may still fail. "
        "Use another build: --ipxe-bios",
    ),
    Cause.STALLED: ("Look at the machine's screen: it has not told us anything since",),
    Cause.NOT_A_KERNEL: (
        "Compare the kernel's processor with the machine's, and its size with the original's: a file that was cut off "
        "looks so, too",
        "On UEFI a kernel must be an EFI program; with Secure Boot on, one signed by a key that the firmware has",
    ),
    Cause.SILENT_AFTERWARDS: (
        "Nothing says that it runs: it may be well all the same, with a fixed address",
        "If its screen is black, give the kernel a console: console=tty0 console=ttyS0,115200",
        'For more, put {{ REPORT "step" }} on its command line, or start the server with --syslog',
    ),
    Cause.CAME_BACK: (
        "Its kernel has most likely panicked, or its system restarted it: look at its screen, with console=… and "
        "panic=0 on the command line so that it stays there",
        "A machine that installs itself and then boots from the network again wants `once`: see the how-to",
    ),
    Cause.TIME_LOST: (
        "Put the entry that boots first in the firmware's boot order: {order}",
        "Turn off network boot over IPv6, and on cards that have no cable",
    ),
}
"""By cause; what else there is to do, a diagnosis says itself."""
