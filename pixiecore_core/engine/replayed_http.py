"""HTTP in a capture, as facts: scripts, files, reports, and what was answered to them. Pure.

Our own paths are understood in full; of another server's, the name of a file tells what it is for.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from pixiecore_core.boot.identify import parameters
from pixiecore_core.boot.paths import (
    BOOTING_PATH,
    FAILED_PATH,
    FILE_PATH,
    LOADER_PATH,
    OFFERED_PATH,
    REPORT_PATH,
    SCRIPT_PATH,
    names_a_boot,
)
from pixiecore_core.engine.heard import odd_range
from pixiecore_core.firmware.ipxe_errors import UNKNOWN, ipxe_error
from pixiecore_core.models import normalise_mac
from pixiecore_core.models.facts import (
    SENT,
    Booting,
    Fact,
    Failed,
    FileSent,
    Held,
    Ignored,
    Reported,
    ScriptSent,
    StepFailed,
)
from pixiecore_core.wire.frames import Endpoint, Said
from pixiecore_core.wire.http_heads import Body, Head

_MOST = 1000
_NAMES: tuple[tuple[str, Literal["kernel", "initrd"]], ...] = (
    (r"(vmlinuz|linux|kernel|bzimage)[^/]*$", "kernel"),
    (r"(initrd|initramfs|ramdisk)[^/]*$", "initrd"),
)
"""What files are usually called, by what they are for."""


@dataclass(slots=True)
class _Exchange:
    """A request, and its response as far as it has come."""

    request: Head
    response: Head | None = None


@dataclass(slots=True)
class HttpReplay:
    """Takes what was said in connections.

    :param add: takes a fact
    :param who: the machine that has an address
    :param is_about: whether a server is one that counts: files may come from others, scripts may not
    """

    add: Callable[[Fact], None]
    who: Callable[[IPv4Address], str | None]
    is_about: Callable[[IPv4Address], bool] = lambda server: True
    _exchanges: OrderedDict[tuple[Endpoint, Endpoint], deque[_Exchange]] = field(default_factory=OrderedDict)

    def take(self, said: Said) -> None:
        """A head, or the end of a body."""
        key = said.client, said.server
        exchanges = self._exchanges.setdefault(key, deque(maxlen=100))
        self._exchanges.move_to_end(key)
        if len(self._exchanges) > _MOST:
            self._exchanges.popitem(last=False)
        what = said.what
        if isinstance(what, Head) and said.by_client:
            exchanges.append(_Exchange(what))
            self._asked(said, what)
        elif isinstance(what, Head):
            waiting = next((one for one in exchanges if one.response is None), None)
            if waiting is not None and what.status >= 200:
                waiting.response = what
                if not _has_body(waiting):
                    exchanges.remove(waiting)
                    self._answered(said, waiting, None)
        elif not said.by_client and exchanges and exchanges[0].response is not None:
            self._answered(said, exchanges.popleft(), what)

    def _asked(self, said: Said, head: Head) -> None:
        mac = self._mac(said, head)
        if mac is not None and (noticed := odd_range(mac, head.field("range"))):
            self.add(noticed)

    def _mac(self, said: Said, head: Head) -> str | None:
        path, _, query = head.target.partition("?")
        named = parameters(query).get("mac") or (path.removeprefix(LOADER_PATH).split("/")[0])
        try:
            return normalise_mac(named)
        except ValueError:
            return self.who(said.client[0])

    def _answered(self, said: Said, exchange: _Exchange, body: Body | None) -> None:
        head, response = exchange.request, exchange.response
        assert response is not None
        mac = self._mac(said, head)
        if mac is None or head.method not in ("GET", "POST"):
            return
        path, _, query = head.target.partition("?")
        known = parameters(query)
        address = str(said.client[0])
        if path.startswith("/_/") and not self.is_about(said.server[0]):
            return
        if path in (SCRIPT_PATH, SCRIPT_PATH + "/") or path.endswith(".ipxe"):
            self._script(mac, address, response)
        elif path == BOOTING_PATH:
            self._loaded(said)
            self.add(Booting(mac=mac))
        elif path == REPORT_PATH:
            self.add(Reported(mac=mac, step=known.get("step") or "a step", address=address))
        elif path == FAILED_PATH:
            error = ipxe_error(known.get("errno", ""))
            row = error.row if error is not None else UNKNOWN
            step = known.get("step", "")[:20] or "script"
            number = error.shown if error is not None else ""
            self.add(StepFailed(mac=mac, step=step, number=number, problem=row.name))
        elif not path.startswith(OFFERED_PATH):
            self._file(mac, exchange, body, path, known)

    def _loaded(self, said: Said) -> None:
        """A machine has everything: what it was being sent has arrived, even where a capture has heads alone."""
        for (client, _), exchanges in self._exchanges.items():
            if client[0] != said.client[0]:
                continue
            for exchange in list(exchanges):
                reports = exchange.request.target.startswith((BOOTING_PATH, FAILED_PATH, REPORT_PATH))
                if exchange.response is not None and exchange.response.status == 200 and not reports:
                    exchanges.remove(exchange)
                    self._answered(said, exchange, None)

    def _script(self, mac: str, address: str, response: Head) -> None:
        status = response.status
        if status == 200:
            self.add(ScriptSent(mac=mac, address=address))
        elif status == 503:
            wait = response.field("retry-after")
            seconds = int(wait) if wait.isascii() and wait.isdecimal() and len(wait) < 6 else 5
            self.add(Held(mac=mac, asked_for="script", reason="the server tells it to wait", seconds=seconds))
        elif status in (403, 404):
            self.add(Ignored(mac=mac, stage="script", reason=f"the server answers {status} {response.reason}".strip()))
        else:
            reason = f"the server answers {status} {response.reason}".strip()
            self.add(Failed(mac=mac, via="HTTP", step="script", reason=reason))

    def _file(self, mac: str, exchange: _Exchange, body: Body | None, path: str, known: dict[str, str]) -> None:
        response = exchange.response
        assert response is not None
        purpose = _purpose(path, known)
        name = "/".join(path.split("/")[-2:]) if not path.startswith(FILE_PATH) else purpose
        promised = response.field("content-length")
        size = int(promised) if promised.isascii() and promised.isdecimal() and len(promised) < 15 else 0
        if response.status not in (200, 206):
            reason = f"{name}: the server answers {response.status} {response.reason}".strip()
            self.add(Failed(mac=mac, via="HTTP", step="file", file=name, reason=reason))
        elif body is not None and not body.complete and not body.missing:
            reason = "the connection ended"
            failed = {"file": name, "bytes": body.size, "size": size, "purpose": purpose, "reason": reason}
            self.add(Failed.model_validate({"mac": mac, "via": "HTTP", "step": "transfer", **failed}))
        else:
            seconds = round((body.at - exchange.request.at) / 1e9, 3) if body is not None else 0.0
            kind = SENT[purpose] if response.status == 200 else FileSent
            sent = body.size if body is not None else size
            size = max(size, sent)
            self.add(kind(mac=mac, via="HTTP", file=name, purpose=purpose, bytes=sent, size=size, seconds=seconds))
            if path.startswith(LOADER_PATH) and purpose == "kernel":
                self.add(Booting(mac=mac))


def _has_body(exchange: _Exchange) -> bool:
    response = exchange.response
    assert response is not None
    return (
        exchange.request.method != "HEAD"
        and response.status not in (204, 304)
        and (response.field("content-length") != "0")
    )


def _purpose(path: str, known: dict[str, str]) -> Literal["kernel", "initrd", "file", "loader"]:
    """What a file is for."""
    if path.startswith(LOADER_PATH):
        return "kernel" if names_a_boot(path.removeprefix(LOADER_PATH)) else "loader"
    if path == FILE_PATH:
        said = known.get("type", "")
        return "kernel" if said == "kernel" else "initrd" if said == "initrd" else "file"
    if path.endswith(".efi"):
        return "loader"
    for pattern, purpose in _NAMES:
        if re.search(pattern, path, re.IGNORECASE):
            return purpose
    return "file"
