"""A Pixiecore plugin: tells a web server of each machine that starts its kernel.

Change it into what you need: `pixiecore_core` exports all that a plugin may use, and each hook's docstring in
`pixiecore_core.hookspecs` is its contract.
"""

from __future__ import annotations

import requests
from pydantic import BaseModel, ConfigDict, Field

from pixiecore_core import Booting, Fact, PolicyRegistrar, Reporter, hookimpl

_SECONDS = 1.0
"""For one call: a listener that takes longer loses facts, and never slows a boot."""


class $class_name:
    """The notifier. It does nothing until it is told where to."""

    name = "$name"

    class Settings(BaseModel):
        """Each field becomes an option, an environment variable and a TOML key."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        url: str = Field(default="", description="URL that is told of each machine that boots; nobody if empty")

    def __init__(self, settings: Settings) -> None:
        self._url = settings.url

    @hookimpl
    def take_reporter(self, reporter: Reporter) -> None:
        """For counts, and facts, of the plugin's own."""
        self._reporter = reporter

    @hookimpl
    def on_event(self, fact: Fact, sentence: str) -> None:
        """Hears of everything, in order, behind the back of the boot; what it raises is logged."""
        if self._url and isinstance(fact, Booting):
            requests.post(self._url, json={"mac": fact.mac, "text": sentence}, timeout=_SECONDS).raise_for_status()
            self._reporter.count("told")


@hookimpl
def register_policies(register: PolicyRegistrar) -> None:
    """Offer the notifier; it is live wherever this distribution is installed."""
    register($class_name)
