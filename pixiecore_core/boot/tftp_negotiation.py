"""Which TFTP options a read request gets (RFC 2347, 2348, 2349, 7440), and which requests are refused outright.

Decides from the request, the file's size and our limits alone. Sends nothing; see :mod:`pixiecore_core.boot.transfer`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixiecore_core.errors import WireError
from pixiecore_core.wire.tftp import Error, ErrorCode, Options, ReadRequest, WriteRequest, normalise_name

DEFAULT_BLKSIZE = 512
"""Bytes, without the option (RFC 1350 section 2)."""
ETHERNET_BLKSIZE = 1468
"""Bytes: what an Ethernet frame carries after the IPv4 (20), UDP (8) and TFTP (4) headers."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a client may ask for; a larger request is granted up to here."""

    blksize: int = ETHERNET_BLKSIZE
    """Bytes. Blocks over the path's MTU travel in fragments, and boot firmware often cannot put those together."""
    windowsize: int = 64
    """Blocks."""

    def within(self, blksize: int | None, windowsize: int | None) -> Limits:
        """The lower of these and others; ``None`` is no limit."""
        return Limits(min(self.blksize, blksize or self.blksize), min(self.windowsize, windowsize or self.windowsize))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a file is going to be sent."""

    blksize: int = DEFAULT_BLKSIZE
    """Bytes in every block but the last."""
    windowsize: int = 1
    """Blocks sent before an acknowledgement is waited for."""
    timeout: int | None = None
    """Seconds before a block is sent again, where the client said so."""
    accepted: Options = ()
    """For the OACK; empty if we can grant no option that was asked for: then there is no OACK."""

    @property
    def tells_size(self) -> bool:
        """Whether the OACK holds the file's size, which some clients want and nothing else."""
        return any(name.lower() == "tsize" for name, _ in self.accepted)


def refusal(request: ReadRequest | WriteRequest) -> Error | None:
    """Why a request cannot be served, whatever file it names; ``None`` if it can."""
    if isinstance(request, WriteRequest):
        return Error(ErrorCode.ACCESS_VIOLATION, "files can only be fetched here, not stored")
    if request.mode.lower() != "octet":
        mode = "".join(character if " " <= character <= "~" else "?" for character in request.mode[:20])
        return Error(ErrorCode.ILLEGAL_OPERATION, f"mode {mode!r} is not served; use octet (binary)")
    try:
        normalise_name(request.name)
    except WireError as mistake:
        return Error(ErrorCode.ACCESS_VIOLATION, mistake.reason)
    return None


def negotiate(options: Options, size: int, limits: Limits) -> Agreement:
    """Answer the options of a read request.

    An option that we do not know, or whose value makes no sense, is left out of the answer, as if it had never been
    sent (RFC 2347 section 2). Names keep the client's spelling, since some clients compare them byte by byte.

    :param options: as the client sent them
    :param size: of the file, in bytes
    :param limits: ours
    """
    blksize, windowsize, timeout = DEFAULT_BLKSIZE, 1, None
    accepted: list[tuple[str, str]] = []
    for name, value in options:
        number = _number(value)
        if number is None:
            continue
        match name.lower():
            case "blksize" if 8 <= number <= 65464:  # RFC 2348
                number = blksize = min(number, limits.blksize)
            case "windowsize" if 1 <= number <= 65535:  # RFC 7440 section 3
                number = windowsize = min(number, limits.windowsize)
            case "timeout" if 1 <= number <= 255:  # RFC 2349: accepted as it is, or not at all
                timeout = number
            # RFC 2349: the client sends 0, and is told the size. Of an empty file it is not: curl takes 0 for an error.
            case "tsize" if size:
                number = size
            case _:
                continue
        accepted.append((name, str(number)))
    return Agreement(blksize, windowsize, timeout, tuple(accepted))


def _number(value: str) -> int | None:
    """Decimal digits and nothing else: ``int`` would also take signs, spaces and underscores."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 10 else None
