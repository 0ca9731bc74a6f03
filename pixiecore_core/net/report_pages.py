"""The pages by which a machine reports: everything is loaded, a step of its script failed, its system does something.

Each is asked for by a sealed URL, which says whose boot it is. Serves no file and decides nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from werkzeug.wrappers import Request, Response

from pixiecore_core.boot.identify import parameters
from pixiecore_core.boot.paths import BOOTING_PATH, FAILED_PATH, REPORT_PATH
from pixiecore_core.boot.rationing import Ration
from pixiecore_core.boot.script import STEP
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.engine.scripting import ScriptWriter
from pixiecore_core.engine.step_failing import StepFailures
from pixiecore_core.models import Machine
from pixiecore_core.models.facts import Booting, Refused, Reported
from pixiecore_core.net.site import Page, server_of, text
from pixiecore_core.observe.bus import Bus

REPORTS = (50.0, 500.0)
"""Reports of booted systems a second, and at once; a room that installs itself sends a few in a minute each."""
_LONGEST_SCREEN = 2000
"""Characters of iPXE's log: its last lines are those that matter."""


@dataclass(frozen=True, slots=True)
class ReportPages:
    """The pages."""

    scripts: ScriptWriter
    urls: UrlMaker
    bus: Bus
    ration: Ration = field(default_factory=lambda: Ration(*REPORTS))

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        return {BOOTING_PATH: self._booting, FAILED_PATH: self._failed, REPORT_PATH: self._report}

    def _booting(self, request: Request) -> Response:
        mac = self._whose(request, BOOTING_PATH)
        if mac is not None:
            self.bus.report(Booting(mac=mac))
        return text(200, "# Booting\n")

    def _failed(self, request: Request) -> Response:
        """A machine whose script has failed asks what to do."""
        known = parameters(request.query_string.decode("latin-1"))
        mac, step = self._whose(request, FAILED_PATH), known.get("step", "")
        if mac is None or not STEP.fullmatch(step):
            return self._refuse(request)
        attempts = self.scripts.decider.attempts
        attempt = attempts.latest(mac)
        machine, begun = Machine(mac=mac), ("", 0.0)
        if attempt is not None:
            machine, begun = attempt.machine, (attempt.id, attempt.began)
        again = self.urls.offered(server_of(request), machine, *begun)
        screen = known.get("dmesg", "")[-_LONGEST_SCREEN:]
        answer = StepFailures(self.scripts.policy, attempts).answer(mac, step, known.get("errno", ""), screen, again)
        if answer.fact is not None:
            self.bus.report(answer.fact)
        return text(200, answer.script)

    def _report(self, request: Request) -> Response:
        """A booted system says what it does."""
        mac, step = self._whose(request, REPORT_PATH), " ".join(request.args.get("step", "").split())
        if mac is None or not step:
            return self._refuse(request)
        if not self.ration.take(time.monotonic()):
            return text(429, "too many reports at once")
        self.bus.report(Reported(mac=mac, step=step, address=request.remote_addr or ""))
        return text(200, "noted\n")

    def _whose(self, request: Request, path: str) -> str | None:
        return self.urls.sealer.open_page(request.args.get("name", ""), path, time.time())

    def _refuse(self, request: Request) -> Response:
        reason = "its URL was not made here, or is too old"
        self.bus.report(Refused(via="HTTP", what="url", source=request.remote_addr or "", reason=reason))
        return text(403, "that was not asked with a URL of ours")
