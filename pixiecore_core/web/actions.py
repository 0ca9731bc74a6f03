"""``POST /_/v1/actions``: does something about a machine: what plugins offer, and to let it try again.

Only for whoever sends the token of ``--status-token-file`` as a bearer token, in a request with a body of JSON: no
browser sends either by itself for a page of somebody else. Decides nothing; what was done is in the machine's timeline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.wrappers import Request, Response

from pixiecore_core.engine.attempts import Attempts
from pixiecore_core.errors import PluginError
from pixiecore_core.models import MacAddress, Machine, MachineAction
from pixiecore_core.models.facts import Noted
from pixiecore_core.net.site import Page, text
from pixiecore_core.observe.bus import Bus
from pixiecore_core.plugins.blame import CORE
from pixiecore_core.plugins.manager import PluginManager
from pixiecore_core.web.headers import HEADERS
from pixiecore_core.web.server import short_name
from pixiecore_core.web.views import ActionView

ACTIONS_PATH = "/_/v1/actions"
"""A POST of ``{"mac": MAC, "action": NAME}`` does something about a machine, one of the ``actions`` that it has now,
and answers ``{"said": …}``. Wants the token of ``--status-token-file`` as a bearer token, from this host too: 401 or
403 without it, 403 where the server has none. 404 for an action that it does not have, 500 where a plugin failed.
"""

_RETRY = "retry"


class Wanted(BaseModel):
    """What is to be done."""

    model_config = ConfigDict(extra="forbid")

    mac: MacAddress
    action: str = Field(max_length=100, description="its name, such as allowlist:approve")


class Done(BaseModel):
    """What was done."""

    said: str = Field(description="what came of it, in one sentence")


@dataclass(frozen=True, slots=True)
class Actions:
    """Does what is asked for.

    :param has_token: whether there is a token at all
    :param sent_token: whether a request has it, as a bearer token
    """

    attempts: Attempts
    plugins: PluginManager
    bus: Bus
    has_token: bool
    sent_token: Callable[[Request], bool]

    def pages(self) -> dict[str, Page]:
        """The page by its path."""
        return {ACTIONS_PATH: self._act}

    def of(self, mac: str) -> list[ActionView]:
        """What can be done about a machine now."""
        return [
            ActionView(name=name, title=action.title, about=action.about) for name, (_, action) in self._of(mac).items()
        ]

    def _of(self, mac: str) -> dict[str, tuple[str, MachineAction]]:
        if not self.has_token:
            return {}
        attempt = self.attempts.latest(mac)
        machine = (attempt.told or attempt.machine) if attempt is not None else Machine(mac=mac)
        found: dict[str, tuple[str, MachineAction]] = {}
        for plugin, action in self.plugins.machine_actions(machine):
            found.setdefault(f"{short_name(plugin)}:{action.name}", (plugin, action))
        if attempt is not None:
            about = "forget what has failed: its next request, when it is switched on again, begins anew"
            retry = MachineAction(name=_RETRY, title="Let it try again", about=about, run=lambda: self._retry(mac))
            found[_RETRY] = CORE, retry
        return found

    def _retry(self, mac: str) -> str:
        self.attempts.begin_anew(mac)
        said = f"What has failed of {mac} is forgotten: its next request begins anew"
        self.bus.report(Noted(plugin="page", mac=mac, text=said))
        return said

    def _act(self, request: Request) -> Response:
        if request.method != "POST":
            refusal = _told(405, "this takes a POST")
            refusal.headers["Allow"] = "POST"
            return refusal
        if not self.has_token:
            return _told(403, "nothing can be done from here: the server was started without --status-token-file")
        if not self.sent_token(request):
            return _told(403, "send the token of --status-token-file: Authorization: Bearer")
        if request.mimetype != "application/json":
            return _told(415, 'send JSON, {"mac": MAC, "action": NAME}, as application/json')
        try:
            wanted = Wanted.model_validate_json(request.get_data(cache=False))
        except ValidationError as error:
            first = error.errors()[0]
            return _told(400, f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}")
        found = self._of(wanted.mac).get(wanted.action)
        if found is None:
            return _told(404, f"{wanted.mac} has no action {wanted.action!r} now")
        try:
            said = self.plugins.act(found[0], found[1], wanted.mac)
        except PluginError as error:
            return _told(500, f"{error.told}; the log says more")
        return Response(Done(said=said).model_dump_json() + "\n", headers=HEADERS, content_type="application/json")


def _told(status: int, words: str) -> Response:
    response = text(status, words)
    response.headers.extend(HEADERS)
    return response
