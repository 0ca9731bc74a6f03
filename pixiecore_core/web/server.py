"""``/_/v1/server``: which server this is, and how its machines stand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel, Field
from werkzeug.wrappers import Request

from pixiecore_core import __version__
from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.engine.case import PATIENCE
from pixiecore_core.engine.neighbours import Neighbourhood
from pixiecore_core.net.site import Page
from pixiecore_core.observe.progress import Progress
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.web.v1 import as_json

SERVER_PATH = "/_/v1/server"
"""The server: its version, since when it runs, how many machines are in each state, which policies are on, which other
servers spoil boots, and what whoever asks may see and do."""


class PolicyView(BaseModel):
    """A plugin that decides which machines boot."""

    name: str
    says: str = Field(description="what it does, in its own words")


class NeighbourView(BaseModel):
    """Another DHCP or boot server by which boots go wrong."""

    server: str = Field(description="its address")
    interface: str = Field(description="our network interface that it was heard on")
    problem: str = Field(description="what is wrong, as a name that does not change")
    says: str = Field(description="the same in words; empty for who may not see all")
    breaks: bool = Field(description="whether boots fail by it")


class ServerInfo(BaseModel):
    """What ``/_/v1/server`` answers."""

    version: str
    at: float = Field(description="the server's clock, in seconds since the epoch")
    since: float = Field(description="when it was started, in seconds since the epoch")
    uptime: float = Field(description="seconds")
    known: int = Field(description="how many machines are remembered")
    states: dict[str, int] = Field(description="how many of them are in each state")
    policies: list[PolicyView]
    neighbours: list[NeighbourView]
    sees_all: bool = Field(description="whether whoever asks sees names of files, URLs and what people wrote")
    acts: bool = Field(description="whether something can be done about machines, with the token")


@dataclass(frozen=True, slots=True)
class ServerPage:
    """Tells of the server.

    :param acts: whether there is a token with which something can be done
    """

    attempts: Attempts
    progress: Progress
    plugins: PluginManager
    full: Callable[[Request], bool]
    acts: bool = False
    neighbours: Neighbourhood = field(default_factory=Neighbourhood)
    clock: Callable[[], float] = time.time
    _started: float = field(default_factory=time.monotonic)

    def pages(self) -> dict[str, Page]:
        """The page by its path."""
        return {SERVER_PATH: lambda request: as_json(self.info(request))}

    def info(self, request: Request) -> ServerInfo:
        """What whoever asks may know."""
        full, now = self.full(request), self.clock()
        uptime = time.monotonic() - self._started
        policies = self.plugins.policies_in_words()
        return ServerInfo(
            version=__version__,
            at=now,
            since=now - uptime,
            uptime=round(uptime, 3),
            known=len(self.attempts),
            states=self.attempts.tally(PATIENCE, self.progress.now()),
            policies=[PolicyView(name=short_name(name), says=says) for name, says in policies.items()],
            neighbours=[
                NeighbourView(
                    server=news.neighbour.server,
                    interface=news.neighbour.interface,
                    problem=str(news.problem or ""),
                    says=news.text if full else "",
                    breaks=news.breaks,
                )
                for news in self.neighbours.problems()
            ],
            sees_all=full,
            acts=self.acts,
        )


def short_name(plugin: str) -> str:
    """A plugin's name without what it is: ``allowlist`` for ``allowlist policy``."""
    return plugin.partition(" ")[0]
