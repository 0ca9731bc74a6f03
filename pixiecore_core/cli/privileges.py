"""Sees that this process may do what serving needs, and says how to have it where it may not.

Asks for nothing itself: see hosting/privileges.py for what is given up.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Collection

from pixiecore_core.errors import StartError
from pixiecore_core.identity import has_no_new_privileges
from pixiecore_core.net.ports import missing_capabilities
from pixiecore_core.settings.listening import Endpoint
from pixiecore_core.settings.server import ServerSettings


def check_privileges(settings: ServerSettings) -> None:
    """See that a server with these settings can open what it needs.

    :raises StartError: something is missing; the first line says what, the others how to get it
    """
    endpoints = (settings.dhcp, settings.pxe, settings.tftp, settings.http_endpoint(), settings.status, settings.syslog)
    bound = [endpoint.port for endpoint in endpoints if isinstance(endpoint, Endpoint)]
    if settings.dhcp_no_bind and settings.dhcp is not None:
        bound.remove(settings.dhcp.port)
    missing = missing_capabilities(bound, raw=settings.dhcp_no_bind)
    if not missing:
        return
    names = ",".join(missing)
    if has_no_new_privileges():
        # As of docker run --security-opt no-new-privileges: then neither sudo nor setcap helps.
        ways = [
            "start it without no_new_privs, with which no program gains a privilege",
            _in_a_unit(missing),
            "in a container with no-new-privileges: --user 0:0; the server then becomes the user pixiecore by itself",
        ]
    else:
        ways = [
            f"run it as root: {shlex.join(['sudo', *_this_command()])}",
            "let this Python do it, for everyone who runs it: "
            f"sudo setcap '{names}=+ep' {shlex.quote(os.path.realpath(sys.executable))}",
            _in_a_unit(missing),
            f"in a container: {' '.join(f'--cap-add={name[4:].upper()}' for name in missing)}",
        ]
    if "cap_net_raw" in missing:
        ways.append("leave out --dhcp-no-bind, if no other DHCP server runs on this host")
    if "cap_net_bind_service" in missing:
        ways.append("for a trial, use high ports: --dhcp, --pxe, --tftp, --http; firmware never asks those")
    raise StartError(
        f"this user may not do what serving needs: {' and '.join(missing)} missing.\n"
        "Do one of these:\n" + "\n".join(f"  - {way}" for way in ways)
    )


def _in_a_unit(missing: Collection[str]) -> str:
    """What a unit must grant; and what it must allow, if it restricts that, as one that has started us may well do."""
    names = " ".join(missing).upper()
    granted = f"in a systemd unit: AmbientCapabilities={names}"
    if "INVOCATION_ID" not in os.environ:
        return granted
    packets = " and AF_PACKET in RestrictAddressFamilies=" if "cap_net_raw" in missing else ""
    return f"{granted}, and {names} in CapabilityBoundingSet={packets}; systemctl edit adds such lines"


def _this_command() -> list[str]:
    """What was typed, so that sudo finds it too."""
    program = os.path.abspath(sys.argv[0])
    if program.endswith(".py") or not os.access(program, os.X_OK):
        return [sys.executable, "-m", "pixiecore_core", *sys.argv[1:]]
    return [program, *sys.argv[1:]]
