"""Sends a machine on to its own disk: says whether that can be done before anything is offered, and writes the script.

Pure. What the ways are is in :mod:`pixiecore_core.firmware.local_disk`.
"""

from __future__ import annotations

from pixiecore_core.boot.script import to_disk
from pixiecore_core.firmware.finding import FoundLoaders
from pixiecore_core.firmware.local_disk import way_to_disk
from pixiecore_core.models import Client, Ignore, LocalDisk, Machine, PxeRequest

_LEFT = "it is to start its disk, which is left to its firmware"


def cannot_go(request: PxeRequest, decision: LocalDisk, loaders: FoundLoaders, ours: bool = True) -> Ignore | None:
    """Why a machine that asks by DHCP cannot be sent on to its disk, if it cannot: then an offer would only keep it.

    :param ours: whether the iPXE that it would be handed is the one found on this system
    """
    architecture = request.machine.architecture
    way = way_to_disk(architecture)
    if way is None:
        return left(decision, f"no way there is known for {architecture}")
    if request.client is Client.IPXE:
        return None  # which one it is, it says when it asks for its script
    version = loaders.versions.get(request.loader or "", "") if ours else ""
    if way.known_to(version):
        return None
    here = f"the one here is {version}" if version else "which one is handed out here is not known"
    return left(decision, f"{architecture} needs {way.wants}, and {here}")


def script_to_disk(machine: Machine, decision: LocalDisk, failed_url: str) -> tuple[str, str]:
    """The script of a machine that is to start its disk, and why it cannot, if so.

    An iPXE of a version that nobody knows tries it: it has come so far, and where it fails nothing is lost.

    :param failed_url: asked what to do where it fails
    """
    way = way_to_disk(machine.architecture)
    if way is None:
        known = machine.architecture or "a machine of which that is all that is known"
        why = f"no way there is known for {known}"
    elif way.known_to(machine.ipxe_version) is False:
        why = f"its iPXE is {machine.ipxe_version}, and it takes {way.wants}"
    else:
        return to_disk(way.command, failed_url=failed_url), ""
    return to_disk("", f"This iPXE cannot start the disk: {why}"), left(decision, why).reason


def left(decision: LocalDisk, why: str) -> Ignore:
    """A machine that is to start its disk, and is left to its firmware for that."""
    reason = f" ({decision.reason})" if decision.reason else ""
    return Ignore(reason=f"{_LEFT}{reason}: {why}")
