"""iPXE's error numbers, by name and usual cause: one table, in our own words. Pure data and one lookup.

``${errno}`` is a 32-bit number (iPXE include/errno.h): the top byte is the kind of error in iPXE's own list of POSIX
names, then comes the source file and which of its errors it is, and the lowest byte is the platform's (a PXE status on
BIOS, an EFI status on UEFI). The first six digits are what iPXE's website files an error under.
"""

from __future__ import annotations

from dataclasses import dataclass

_BITS = 0xFFFFFFFF
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """What a number, or all numbers of a kind, mean.

    :param number: the first six digits, or two for all of a kind
    :param name: what it is called
    :param cause: what usually brings it about
    :param mend: what to do
    :param passing: whether the same may well work a moment later
    """

    number: str
    name: str
    cause: str
    mend: str
    passing: bool = False


ROWS = (
    # Of one source file each; the digits are what boots in the lab reported, or what iPXE's source makes of them.
    ErrorRow("2d0c61", "HTTP 404", "the web server has no such file", "check the URL, and that the file is there"),
    ErrorRow(
        "020c61",
        "HTTP 401",
        "the web server wants a name and a password",
        "write them into the URL, or let the machine have the file without",
    ),
    ErrorRow("020c60", "HTTP 403", "the web server does not let the machine have the file", "check who may fetch it"),
    ErrorRow(
        "1d0c61",
        "an HTTP answer that iPXE does not know",
        "the web server answered with a status of its own, such as 500 or 502",
        "look into the web server's log, or into ours where the file comes through us",
        passing=True,
    ),
    ErrorRow(
        "1d0c62",
        "a file that ended too soon",
        "the web server promised more bytes than came",
        "compare the file with its source; it may be cut off",
        passing=True,
    ),
    ErrorRow("1d0c64", "an HTTP 4xx answer", "the web server refused the request", "look into the web server's log"),
    ErrorRow(
        "1d0c65",
        "an HTTP 5xx answer",
        "the web server, or one behind it, failed",
        "look into the web server's log, or into ours where the file comes through us",
        passing=True,
    ),
    ErrorRow(
        "0f0a60",
        "connection reset",
        "nothing listens on that port, or a firewall refuses the connection",
        "check that the HTTP server runs, and that the firewall lets its port through",
        passing=True,
    ),
    ErrorRow(
        "4c0a60",
        "connection timed out",
        "no answer came: the host is off, or a firewall drops the packets, or the way there is lost",
        "check that the machine can reach that address and port",
        passing=True,
    ),
    ErrorRow(
        "4c1260",
        "TFTP timed out",
        "no answer came by TFTP: a firewall drops UDP, or the server is gone",
        "let UDP port 69 through, and the ports that TFTP answers from (or use --tftp-single-port)",
        passing=True,
    ),
    ErrorRow("2d1260", "TFTP has no such file", "the TFTP server does not know the name", "check the name of the file"),
    ErrorRow(
        "3e1161",
        "no such name in DNS",
        "the name server knows no address for the host in the URL",
        "use an address, or a name that the machine's DNS server knows",
    ),
    ErrorRow(
        "3e1162",
        "no name server",
        "the DHCP server names no DNS server, and the URL has a name in it",
        "use an address in the URL, or let the DHCP server name a DNS server",
    ),
    ErrorRow(
        "2e0080",
        "not something that this iPXE can start",
        "the file is not a kernel, is for another processor, or was cut off; UEFI builds start only kernels that are "
        "EFI programs",
        "check the file and its architecture: `file vmlinuz`; on UEFI it needs an EFI stub (CONFIG_EFI_STUB)",
    ),
    ErrorRow(
        "7f0481",
        "the firmware refused to load the program",
        "it is not an EFI program for this processor, or Secure Boot does not know its signature",
        "check the kernel's architecture; with Secure Boot on, it must be signed by a key that the firmware has",
    ),
    ErrorRow(
        "7f0482",
        "the EFI program gave up",
        "the firmware started it, and it ended with an error; what BIOS alone can start does so too",
        "look at the machine's screen: the program's own words are there",
    ),
    ErrorRow(
        "3c0920",
        "a kind of URL that this iPXE does not know",
        "this build has no HTTPS, say, or no HTTP at all",
        "use http:// in the URL, or another iPXE",
    ),
    ErrorRow(
        "040ee1",
        "no address",
        "no DHCP server answered the machine in time",
        "check the DHCP server and its free addresses; the switch port may still be learning (PortFast)",
        passing=True,
    ),
    ErrorRow(
        "2d03e1",
        "nothing to boot",
        "an offer came without the name of anything to boot",
        "another DHCP server may have won over ours: see the offers in this timeline",
    ),
    ErrorRow(
        "0216eb",
        "the certificate is not trusted",
        "iPXE does not trust the certificate of an https:// server",
        "use http:// on the last way to the machine, or a certificate that iPXE was built with",
    ),
    ErrorRow(
        "410de1",
        "TLS refused",
        "iPXE and the https:// server found no cipher that both know",
        "use http:// on the last way to the machine, or a newer iPXE",
    ),
    # All others of a kind, in the order of iPXE's list.
    ErrorRow("02", "permission denied", "something refused it", "check who may do that; is Secure Boot on?"),
    ErrorRow("04", "no address", "the card has no usable address", "check the DHCP server", passing=True),
    ErrorRow("06", "not now", "something was busy", "try again", passing=True),
    ErrorRow("0a", "busy", "the device was busy", "try again", passing=True),
    ErrorRow("0b", "cancelled", "somebody pressed a key", "leave the keyboard alone, or start it again"),
    ErrorRow("0d", "connection aborted", "the connection broke", "check network and server", passing=True),
    ErrorRow("0e", "connection refused", "nothing listens there", "check that the server runs", passing=True),
    ErrorRow("0f", "connection reset", "the other side closed it", "check server and firewall", passing=True),
    ErrorRow("17", "no way to the host", "there is no route", "check address, mask and gateway"),
    ErrorRow("1a", "still under way", "the link did not come up in time", "check cable and switch", passing=True),
    ErrorRow("1c", "invalid argument", "a command or a URL is malformed", "check the script"),
    ErrorRow("1d", "input/output error", "a device or a server failed", "look into the server's log", passing=True),
    ErrorRow("28", "network unreachable", "the card has no route there", "check the gateway that DHCP gives"),
    ErrorRow("2a", "no buffers", "the machine ran out of memory", "give it more memory, or smaller files"),
    ErrorRow("2c", "no such device", "there is no such card or disk", "check the script and the machine"),
    ErrorRow("2d", "not found", "there is no such file, image or label", "check its name"),
    ErrorRow("2e", "not something that can be started", "the file is of another kind", "check the file"),
    ErrorRow("31", "out of memory", "kernel and initrds do not fit", "give it more memory, or smaller files"),
    ErrorRow("34", "out of space", "a file does not fit into memory", "give it more memory, or smaller files"),
    ErrorRow("37", "not built in", "this build of iPXE lacks the command", "use another iPXE"),
    ErrorRow("38", "link down", "the cable or the switch port is down", "check cable and switch", passing=True),
    ErrorRow("3c", "not supported", "this build of iPXE cannot do that", "use another iPXE"),
    ErrorRow("3e", "no such name or address", "nothing has that name", "check the name", passing=True),
    ErrorRow("41", "not permitted", "something forbids it", "check certificates and signatures"),
    ErrorRow("42", "broken pipe", "the connection broke", "check network and server", passing=True),
    ErrorRow("4c", "timed out", "no answer came in time", "check network and server", passing=True),
)
"""Those of one source file first."""

_BY_NUMBER = {row.number: row for row in ROWS}
UNKNOWN = ErrorRow("", "an error that is not in our table", "", "iPXE's website explains it by its number")
"""For numbers that the table does not have."""


@dataclass(frozen=True, slots=True)
class IpxeError:
    """One error, as a machine reported it."""

    number: int
    row: ErrorRow

    @property
    def shown(self) -> str:
        """The number, as iPXE shows it: eight hexadecimal digits."""
        return f"{self.number:08x}"

    @property
    def page(self) -> str:
        """What iPXE's website files it under; ``https://ipxe.org/err/`` is before it."""
        return self.shown[:6]


def ipxe_error(text: str) -> IpxeError | None:
    """The error that ``${errno}`` tells of; ``None`` where the text is not a number.

    :param text: such as ``0x2d0c613b``, or iPXE's decimal, which may be negative
    """
    try:
        number = int(text[:20], 16 if text.lower().startswith("0x") else 10) & _BITS
    except ValueError:
        return None
    shown = f"{number:0{_DIGITS}x}"
    row = _BY_NUMBER.get(shown[:6]) or _BY_NUMBER.get(shown[:2], UNKNOWN)
    return IpxeError(number, row)
