"""A Pixiecore plugin: refuses machines of other makers, and adds a word to the command line of the others.

Change it into what you need: `pixiecore_core` exports all that a plugin may use, and each hook's docstring in
`pixiecore_core.hookspecs` is its contract.
"""

from __future__ import annotations

from collections.abc import Generator

from pydantic import BaseModel, ConfigDict, Field

from pixiecore_core import Ignore, Machine, PolicyRegistrar, PxeRequest, hookimpl


class $class_name:
    """The policy. It is constructed with its settings once, when Pixiecore starts."""

    name = "$name"

    class Settings(BaseModel):
        """Each field becomes an option, an environment variable and a TOML key."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        prefix: str = Field(default="", description="boot only machines whose MAC address begins so; all if empty")

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.prefix.lower()

    @hookimpl
    def on_pxe_request(self, request: PxeRequest) -> Ignore | None:
        """Asked for every machine; a single refusal wins."""
        if not request.machine.mac.startswith(self._prefix):
            return Ignore(reason=f"its MAC address does not begin with {self._prefix}")
        return None

    @hookimpl(wrapper=True)
    def render_cmdline(self, machine: Machine) -> Generator[None, str, str]:
        """Lets the others make the line, then adds to it."""
        line = yield
        return f"{line} booted-by=$name"


@hookimpl
def register_policies(register: PolicyRegistrar) -> None:
    """Offer the policy; it is live wherever this distribution is installed."""
    register($class_name)
