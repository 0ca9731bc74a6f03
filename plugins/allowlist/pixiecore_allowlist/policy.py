"""The policy: a machine that is neither listed nor approved waits, or is ignored.

Decides only whether a machine boots; what it boots is for the booter. See :mod:`pixiecore_allowlist.rules` for which
are listed and :mod:`pixiecore_allowlist.state` for which are approved.
"""

from __future__ import annotations

import hmac
import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from pydantic import TypeAdapter, ValidationError

from pixiecore_allowlist.listing import as_json, as_line
from pixiecore_allowlist.notes import Notes
from pixiecore_allowlist.rules import RuleFile, Rules, parse_rule
from pixiecore_allowlist.settings import AllowlistSettings, read_token
from pixiecore_allowlist.state import REMEMBERED, Decision, States, Verdict, seen
from pixiecore_core import (
    ConfigError,
    Hold,
    Ignore,
    MacAddress,
    Machine,
    MachineAction,
    PageAnswer,
    PageRequest,
    Reporter,
    RouteRegistrar,
    StateError,
    hookimpl,
)

# Only with --allowlist-admin-token-file, and for requests with that token: 401 without one, 403 for a wrong one, 503
# where the database cannot be read or written. A decision is answered once it is kept.
WAITING_PATH = "/allowlist/waiting"
"""The machines that are neither approved nor denied; JSON with ``format=json`` in the query."""
APPROVE_PATH = "/allowlist/approve"
"""Lets the machine that the query names as ``mac`` boot."""
DENY_PATH = "/allowlist/deny"
"""Has the machine that the query names as ``mac`` ignored."""

_MAC = TypeAdapter(MacAddress)
_log = logging.getLogger("pixiecore.allowlist")


class Allowlist:
    """Lets listed and approved machines boot, and no others; inert until it is configured."""

    name = "allowlist"
    Settings = AllowlistSettings

    def __init__(self, settings: AllowlistSettings) -> None:
        self._settings = settings
        self._states = States(settings.database)
        self._notes = Notes(self._states)
        self._rules = Rules(parse_rule(text) for text in settings.allow)
        self._file: RuleFile | None = None
        self._told = ""
        self._reporter: Reporter | None = None
        self._verdicts: OrderedDict[str, Verdict] = OrderedDict()  # as each machine was told last
        self._serving = False
        if not settings.active:
            _refuse_half_a_configuration(settings)
            return
        try:
            self._file = RuleFile(settings.file) if settings.file is not None else None
        except ValueError as error:
            raise ConfigError("--allowlist-file", str(error)) from error
        self._states.store.prepare("--allowlist-database")

    @hookimpl
    def take_reporter(self, reporter: Reporter) -> None:
        """For the machines' timelines."""
        self._reporter = reporter

    @hookimpl
    def select_boot(self, machine: Machine) -> Hold | Ignore | None:
        """Nothing for a machine that may boot; any other is noted, and told to wait or to go."""
        if not self._settings.active:
            return None
        # Both are asked first, so that an unreadable file is reported and an unreadable database stops every machine.
        listed = self._listed(machine)
        try:
            verdict = self._states.verdict(machine.mac)
        except StateError as error:
            what = "cannot read at the moment whether it is approved"
            return Hold(reason=f"{what}: {error}", told=what, seconds=2)
        if self._serving:
            self._tell(machine.mac, verdict or "waiting")
        if verdict == "approved" or (listed and verdict != "denied"):
            return None
        if self._serving:
            self._notes.add(machine.mac, seen(machine))
        how = f"pixiecore allowlist approve {machine.mac}"
        if verdict == "denied":
            return Ignore(reason=f"it is denied; to let it boot: {how}{self._problems()}")
        if self._settings.unlisted == "ignore":
            return Ignore(reason=f"it is neither listed nor approved; to let it boot: {how}{self._problems()}")
        return Hold(reason=f"it is neither listed nor approved; to let it boot: {how}{self._problems()}", seconds=5)

    @hookimpl
    def register_routes(self, routes: RouteRegistrar) -> None:
        """The pages, if there is a token that opens them."""
        if not self._settings.active or self._settings.admin_token_file is None:
            return
        token_file = self._settings.admin_token_file
        routes(WAITING_PATH, _for_admins(token_file, self._waiting))
        routes(APPROVE_PATH, _for_admins(token_file, lambda request: self._decide(request, "approved")))
        routes(DENY_PATH, _for_admins(token_file, lambda request: self._decide(request, "denied")))

    @hookimpl
    def policy_in_words(self) -> str | None:
        """What becomes of a machine that nobody has listed."""
        if not self._settings.active:
            return None
        becomes = "are ignored" if self._settings.unlisted == "ignore" else "wait until they are approved"
        return f"machines that are not listed {becomes}"

    @hookimpl
    def machine_actions(self, machine: Machine) -> list[MachineAction] | None:
        """To approve it, and to deny it."""
        if not self._settings.active:
            return None
        verdict = self._states.verdict(machine.mac)
        actions = []
        if verdict != "approved":
            about = "let it boot; if it waits, it goes on within seconds"
            run = partial(self._act, machine.mac, "approved")
            actions.append(MachineAction(name="approve", title="Approve", about=about, run=run))
        if verdict != "denied":
            about = "ignore it, even where a rule lists it"
            run = partial(self._act, machine.mac, "denied")
            actions.append(MachineAction(name="deny", title="Deny", about=about, run=run))
        return actions

    @hookimpl
    def on_startup(self) -> None:
        """From now on a machine asks, not a person who wants to know what it would get."""
        self._serving = True

    @hookimpl
    def on_shutdown(self) -> None:
        """Write what is not written yet."""
        self._notes.flush()

    def _tell(self, mac: str, verdict: Verdict, whence: str = "") -> None:
        """Put a verdict into the machine's timeline if it differs from the last one, wherever it comes from."""
        before = self._verdicts.pop(mac, None)
        self._verdicts[mac] = verdict
        if len(self._verdicts) > REMEMBERED:
            self._verdicts.popitem(last=False)
        if self._reporter is not None and verdict != "waiting" and verdict != before and (before or whence):
            self._reporter.note(mac, f"{mac} is {verdict}{whence}")

    def _act(self, mac: str, verdict: Decision) -> str:
        self._states.decide(verdict, mac)
        self._tell(mac, verdict, " on the status page")
        return f"{mac} is {verdict}"

    def _listed(self, machine: Machine) -> bool:
        rules = [self._rules]
        if self._file is not None:
            rules.append(self._file.current())
            problem = str(self._file.problem or "")
            if problem != self._told:
                self._told = problem
                if problem:
                    _log.error("%s; the rules stay as they were before", problem)
        return any(some.name(machine) for some in rules)

    def _problems(self) -> str:
        """What an admin who wonders why this machine waits should know. Anyone may read it over HTTP."""
        problem = self._file.problem if self._file is not None else None
        file = f"; the rules are older than their file, which has a mistake: {problem.where}" if problem else ""
        unwritten = self._notes.problem
        unlisted = f"; it cannot be remembered: {unwritten}" if unwritten else ""
        return file + unlisted

    def _waiting(self, request: PageRequest) -> PageAnswer:
        form = request.query.get("format", "text")
        if form not in ("text", "json"):
            return PageAnswer(status=400, text="format is text or json\n")
        self._notes.flush()
        try:
            machines = self._states.all(waiting=True)
        except StateError as error:
            return PageAnswer(status=503, text=f"the machines cannot be read: {error}\n")
        if form == "json":
            return PageAnswer(text=as_json(machines), content_type="application/json")
        return PageAnswer(text="".join(f"{as_line(known)}\n" for known in machines))

    def _decide(self, request: PageRequest, verdict: Decision) -> PageAnswer:
        try:
            mac = _MAC.validate_python(request.query.get("mac", ""))
        except ValidationError:
            return PageAnswer(status=400, text="mac must be a MAC address, such as 52:54:00:12:34:56\n")
        try:
            self._states.decide(verdict, mac)
        except StateError as error:
            return PageAnswer(status=503, text=f"{mac} is not {verdict}, because that could not be written: {error}\n")
        self._tell(mac, verdict, f" over HTTP ({request.address})")
        return PageAnswer(text=f"{mac} is {verdict}\n")


def _for_admins(token_file: str, page: Callable[[PageRequest], PageAnswer]) -> Callable[[PageRequest], PageAnswer]:
    """*page*, for requests with the token that is in *token_file* now."""

    def guarded(request: PageRequest) -> PageAnswer:
        if not request.token:
            return PageAnswer(
                status=401, text="send the token of --allowlist-admin-token-file (Authorization: Bearer)\n"
            )
        try:
            token = read_token(token_file)
        except ValueError:
            return PageAnswer(status=403, text="nobody is let in: the server's own token cannot be read\n")
        if not hmac.compare_digest(request.token.encode("utf-8", "backslashreplace"), token):
            _log.warning("wrong token for %s from %s", request.path, request.address)
            return PageAnswer(status=403, text="wrong token\n")
        return page(request)

    return guarded


def _refuse_half_a_configuration(settings: AllowlistSettings) -> None:
    """Let nobody think that machines are held while they are not.

    :raises ConfigError: something is set that does nothing
    """
    if "enabled" in settings.model_fields_set:
        return  # somebody said no
    for key in ("unlisted", "admin_token_file"):
        if key in settings.model_fields_set and getattr(settings, key) is not None:
            option = f"--allowlist-{key.replace('_', '-')}"
            raise ConfigError(option, "does nothing without --allowlist-allow, --allowlist-file or --allowlist-enabled")
