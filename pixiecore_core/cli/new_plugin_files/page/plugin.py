"""A Pixiecore plugin: a page that the booted system tells how far it has come; it shows in the machine's timeline.

Change it into what you need: `pixiecore_core` exports all that a plugin may use, and each hook's docstring in
`pixiecore_core.hookspecs` is its contract.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from pixiecore_core import (
    CmdlineFunction,
    Machine,
    PageAnswer,
    PageRequest,
    PolicyRegistrar,
    Reporter,
    RouteRegistrar,
    UrlFor,
    hookimpl,
)

_PATH = "/$name/step"


class $class_name:
    """The page, and the word of the command line that becomes its URL: `{{ $word }}`."""

    name = "$name"

    class Settings(BaseModel):
        """Each field becomes an option, an environment variable and a TOML key."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        longest: int = Field(default=200, ge=1, description="characters of a step that are kept")

    def __init__(self, settings: Settings) -> None:
        self._longest = settings.longest

    @hookimpl
    def take_reporter(self, reporter: Reporter) -> None:
        """For facts of the plugin's own."""
        self._reporter = reporter

    @hookimpl
    def cmdline_functions(self, machine: Machine, url_for: UrlFor) -> dict[str, CmdlineFunction]:
        """The URL is sealed: only this machine was given it."""
        return {"$word": lambda: url_for.page(_PATH)}

    @hookimpl
    def register_routes(self, routes: RouteRegistrar) -> None:
        """`curl --data 'partitioning' "URL"` in the booted system tells a step."""
        routes(_PATH, self._step, methods=["POST"])

    def _step(self, request: PageRequest) -> PageAnswer:
        if request.mac is None:
            return PageAnswer(status=403, text="this URL was not made for a machine\n")
        words = " ".join(request.body.decode("utf-8", "replace").split())[: self._longest]
        if not words:
            return PageAnswer(status=400, text="say which step, in the body of the request\n")
        self._reporter.note(request.mac, words)
        return PageAnswer(text="noted\n")


@hookimpl
def register_policies(register: PolicyRegistrar) -> None:
    """Offer the page; it is live wherever this distribution is installed."""
    register($class_name)
