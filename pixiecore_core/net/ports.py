"""What stands between us and a port: a missing privilege, or another process. Looks only; Linux's /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

_PROC = Path("/proc")
_CAPABILITY_BITS = {"cap_net_bind_service": 10, "cap_net_raw": 13}  # <linux/capability.h>


def missing_capabilities(ports: list[int], raw: bool) -> list[str]:
    """The capabilities that this process needs and lacks.

    :param ports: the ports it will bind
    :param raw: whether it will open a packet socket
    """
    wanted = []
    if any(0 < port < _first_unprivileged_port() for port in ports):
        wanted.append("cap_net_bind_service")
    if raw:
        wanted.append("cap_net_raw")
    held = _effective_capabilities()
    return [name for name in wanted if not held >> _CAPABILITY_BITS[name] & 1]


def holder_of(protocol: Literal["tcp", "udp"], port: int) -> str | None:
    """The process that holds a local port, as ``dnsmasq (process 123)``, where it can be found.

    Other users' processes can be seen only by root.
    """
    inodes = set()
    for table in (protocol, protocol + "6"):
        inodes |= _inodes(_PROC / "net" / table, port, listening=protocol == "tcp")
    for process in _PROC.iterdir():
        if process.name.isdecimal() and _holds(process, inodes):
            return f"{_name(process)} (process {process.name})"
    return None


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "one that has just ended"


def _first_unprivileged_port() -> int:
    try:
        return int((_PROC / "sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except OSError:
        return 1024


def _effective_capabilities() -> int:
    match = re.search(r"^CapEff:\s*([0-9a-f]+)", (_PROC / "self/status").read_text(), re.MULTILINE)
    return int(match[1], 16) if match else 0


def _inodes(table: Path, port: int, listening: bool) -> set[str]:
    try:
        rows = table.read_text().splitlines()[1:]
    except OSError:
        return set()
    fields = [row.split() for row in rows]
    suffix = f":{port:04X}"
    return {row[9] for row in fields if row[1].endswith(suffix) and (not listening or row[3] == "0A")}


def _holds(process: Path, inodes: set[str]) -> bool:
    links = {f"socket:[{inode}]" for inode in inodes}
    try:
        descriptors = os.listdir(process / "fd")
    except OSError:
        return False  # another user's, or it has ended
    return any(_link(process / "fd" / descriptor) in links for descriptor in descriptors)


def _link(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:
        return ""  # closed since the folder was read
