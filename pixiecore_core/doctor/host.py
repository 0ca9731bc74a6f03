"""What the host itself is like: its clock, the folders that a server keeps things in, its network interfaces.

Looks, and writes nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from pixiecore_core.doctor.findings import Finding, broken, ok, warning
from pixiecore_core.net.interfaces import Interface

WRITTEN = 1_764_547_200.0
"""Seconds since the epoch: this program is not older, so no clock that is right can say less."""
_FAR = 20 * 365 * 86_400
_LINKS = Path("/sys/class/net")


def check_clock(now: float) -> Finding:
    """Whether the clock can be right.

    :param now: seconds since the epoch
    """
    if WRITTEN <= now <= WRITTEN + _FAR:
        return ok("clock", f"the clock says {_day(now)}")
    what = f"the clock is wrong: it says {_day(now)}; https refuses all certificates, and URLs expire at once or never"
    return broken("clock", what, "set it: timedatectl set-ntp true, or date -s")


def _day(now: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))


def check_folder(what: str, option: str, folder: Path, uid: int, gids: Sequence[int], required: int = 0) -> Finding:
    """Whether a server can keep things in *folder*; one that is not there yet is made.

    :param what: what it is for, in a word
    :param option: that names another one
    :param uid: the user that the server is, and
    :param gids: its groups
    :param required: bytes that are meant to go there
    """
    name = f"{what}-folder"
    there = next((one for one in (folder, *folder.parents) if one.exists()), Path("/"))
    if not there.is_dir():
        return broken(name, f"{there} is no folder", f"move it away, or name another: {option}")
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        return broken(name, f"{folder} is on a disk that is read-only", f"name another: {option}")
    # A folder that root makes for the server's user is that user's.
    if not _can_write(there, uid, gids) and (there == folder or os.geteuid() != 0):
        return broken(name, f"user {uid} cannot write to {there}", f"chown {uid} {there}, or name another: {option}")
    free = os.statvfs(there).f_bavail * os.statvfs(there).f_frsize
    if free < min(required, 1 << 30):
        text = f"{folder} has {free / 1e6:,.0f} MB left, and may take {required / 1e9:,.1f} GB"
        return warning(name, text, f"make room, or name another: {option}")
    return ok(name, f"{folder} can be written to")


def _can_write(folder: Path, uid: int, gids: Sequence[int]) -> bool:
    if uid == os.geteuid():
        return os.access(folder, os.W_OK | os.X_OK)
    about = folder.stat()
    shift = 6 if about.st_uid == uid else 3 if about.st_gid in gids else 0
    return uid == 0 or about.st_mode >> shift & 3 == 3


def check_interfaces(
    served: Sequence[Interface], missing: Sequence[str], listen: IPv4Address, links: Path = _LINKS
) -> Iterator[Finding]:
    """Whether there is a network to serve.

    :param served: the interfaces that are, without loopback where nobody asked for it
    :param missing: names that were asked for, and that no interface with an IPv4 address has
    :param listen: the address that the user chose, or 0.0.0.0
    """
    for name in missing:
        if (links / name).exists():
            mend = f"give it one: ip address add ADDRESS/PREFIX dev {name}"
            yield broken("interfaces", f"interface {name} has no IPv4 address", mend)
        else:
            there = ", ".join(sorted(path.name for path in links.iterdir())) if links.exists() else "none"
            yield broken("interfaces", f"there is no interface {name}; there are: {there}", "see --interface")
    if not served and not missing:
        chosen = f" {listen}" if int(listen) else ""
        what = f"no interface has the address{chosen} that is to be served" if chosen else "no interface has an address"
        yield broken("interfaces", what, "give it one: ip address add ADDRESS/PREFIX dev NAME; ip link set NAME up")
    for one in served:
        addresses = ", ".join(map(str, one.addresses))
        if any(address.is_link_local for address in one.addresses[:1]):
            what = f"interface {one.name} has only {addresses}, which it gave itself"
            yield warning("interfaces", what, f"give it one: ip address add ADDRESS/PREFIX dev {one.name}")
        elif not _has_carrier(links / one.name):
            yield warning("interfaces", f"interface {one.name} has no link", "see cable and switch port")
        else:
            yield ok("interfaces", f"interface {one.name} has {addresses}")


def _has_carrier(link: Path) -> bool:
    """Whether its cable leads anywhere. Unknown counts as yes: interfaces without a cable do not say."""
    try:
        return (link / "carrier").read_text().strip() != "0"
    except OSError:
        return not (link / "carrier").exists()  # of one that is down, it cannot be read
