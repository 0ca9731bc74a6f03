"""The API booter: asks the API about every machine, and lets machines wait while it is slow or down.

A DHCP request is answered in time whatever the API does; the script is where a machine can wait, since iPXE obeys
HTTP 503 with Retry-After. No answer of the API is used twice. Logs nothing: reasons reach the log through the core.
"""

from __future__ import annotations

import math

from pixiecore_api_booter.calls import Calls
from pixiecore_api_booter.client import Client, Down, Outcome
from pixiecore_api_booter.memory import Memory
from pixiecore_api_booter.settings import ApiSettings
from pixiecore_core import BootSpec, Hold, Ignore, LocalDisk, Machine, hookimpl

DHCP_PATIENCE = 0.9
"""Seconds. iPXE takes offers for about two (dhcp.c); the core counts a decision as late after one and reuses it."""
SCRIPT_PATIENCE = 8.0
"""Seconds. The core gives a hook ten; iPXE waits for a response much longer."""
SLOW_SECONDS = 2
"""How long a machine waits at its script before it asks again for an answer that is on its way."""
DOWN_SECONDS = 5
"""The same while the API cannot be reached."""
UNDER_WAY_SECONDS = 600.0
"""How long after the API said so a machine counts as being booted: slow firmware takes minutes from offer to script."""
_DOWN = "the API cannot be reached"


class ApiBooter:
    """Boots each machine into what the API says."""

    name = "api"
    Settings = ApiSettings

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._client = Client(settings)
        self._calls: Calls[Outcome] = Calls(
            self._ask, lambda outcome: isinstance(outcome, (BootSpec, Ignore, LocalDisk))
        )
        self._waiting = Memory()
        self._under_way = Memory()
        self._down: Down | None = None

    @hookimpl
    def select_boot(self, machine: Machine) -> BootSpec | Ignore | Hold | LocalDisk:
        """What the API says about *machine*, or what to do as long as it says nothing."""
        remaining, reason = self._waiting.left(machine.mac)
        if remaining > 0:
            return Hold(reason=reason, told="the API says to wait", seconds=math.ceil(remaining))
        outcome = self._calls.outcome(machine, SCRIPT_PATIENCE if _at_its_script(machine) else DHCP_PATIENCE)
        if outcome is None:
            # Known to be down, and likely still down: a machine would be lured away from its other boot devices.
            if self._down is None or _at_its_script(machine):
                reason = f"the API at {self._client.shown_url} has not answered yet"
                return Hold(reason=reason, told="the API has not answered yet", seconds=SLOW_SECONDS)
            outcome = self._down
        return self._while_down(machine, outcome) if isinstance(outcome, Down) else outcome

    @hookimpl
    def on_shutdown(self) -> None:
        """Close the connections to the API."""
        self._client.close()

    def _ask(self, machine: Machine) -> Outcome:
        """Runs in a thread of its own."""
        outcome = self._client.ask(machine)
        self._down = outcome if isinstance(outcome, Down) else None
        if isinstance(outcome, Hold):
            self._waiting.note(machine.mac, outcome.seconds, outcome.reason)
        elif isinstance(outcome, (BootSpec, LocalDisk)):
            self._under_way.note(machine.mac, UNDER_WAY_SECONDS)
        return outcome

    def _while_down(self, machine: Machine, down: Down) -> Ignore | Hold:
        policy, reason = self._settings.api_down, f"{self._client.called(machine)} {down.what}"
        under_way = _at_its_script(machine) or self._under_way.left(machine.mac)[0] > 0
        if policy == "hold-all" or (policy == "hold" and under_way):
            return Hold(reason=reason, told=_DOWN, seconds=DOWN_SECONDS)
        return Ignore(reason=reason, told=_DOWN)


def _at_its_script(machine: Machine) -> bool:
    return machine.address is not None
