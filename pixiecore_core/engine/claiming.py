"""Whether whoever asks for a file that is made for a machine may have it, and what that machine boots: as for a script.

Asks the one that decides; opens nothing.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from pixiecore_core.boot.identify import Neighbours, asked_from, hardware_of_another
from pixiecore_core.engine.deciding import Decider
from pixiecore_core.errors import BootFileError, BootFileNotFound, BootFileNotReady
from pixiecore_core.models import BootSpec, Hold, Ignore, LocalDisk, Machine


def claimed(decider: Decider, neighbours: Neighbours | None, mac: str, client: str) -> Machine:
    """The machine, asked from *client*: who may boot is decided by that.

    :raises BootFileNotFound: the client is another machine (``--check-neighbour``)
    :raises BootFileError: that cannot be told
    """
    attempt = decider.attempts.latest(mac)
    known = attempt.machine if attempt is not None else Machine(mac=mac)
    asking = known.model_copy(update={"address": IPv4Address(client), "without_ipxe": True})
    machine = asked_from(asking, known)
    try:
        another = hardware_of_another(machine, neighbours)
    except OSError as error:
        raise BootFileError(f"cannot tell whose file this is: {error.strerror}") from error
    if another:
        raise BootFileNotFound(f"not for {client}, whose hardware address is {another} (--check-neighbour)")
    return machine


def spec_of(decider: Decider, machine: Machine) -> BootSpec:
    """What a machine boots.

    :raises BootFileNotReady: it has to wait
    :raises BootFileNotFound: it is not to boot
    :raises BootFileError: a plugin failed
    """
    decision = decider.decide_script(machine)
    if isinstance(decision, BootSpec):
        return decision
    if isinstance(decision, Hold):
        raise BootFileNotReady(decision.words, decision.seconds)
    if isinstance(decision, Ignore):
        raise BootFileNotFound(f"you don't netboot: {decision.words}")
    if isinstance(decision, LocalDisk):
        raise BootFileNotFound("you don't netboot: it is to start its disk")
    raise BootFileError(decision.words)
