"""The HTTP paths of a boot: the script, the files it names, the ping before the kernel starts, the first-stage loader.

A WSGI application, so tests need no socket. Reads the request, asks the plugins, lets boot/ build the answer; every
URL in a script is made from the address the client reached us by, never from its Host header.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from werkzeug.wrappers import Request, Response

from pixiecore_core.boot.identify import machine_from_query
from pixiecore_core.boot.paths import (
    BOOTING_PATH,
    FILE_PATH,
    FOLDER_PATH,
    LOADER_PATH,
    SCRIPT_PATH,
    ServerAddress,
    is_autoexec,
)
from pixiecore_core.boot.tokens import Sealed, Sealer
from pixiecore_core.boot.urls import SealedUrls
from pixiecore_core.errors import (
    BootFileError,
    BootFileNotFound,
    BootFileNotReady,
    BootFileTimeout,
    CmdlineError,
    PluginError,
)
from pixiecore_core.firmware.known import KNOWN
from pixiecore_core.firmware.table import FirmwareTable
from pixiecore_core.models import Event, EventKind, FileRef, Hold, Ignore, PageRequest, Purpose
from pixiecore_core.net.file_body import Done, respond
from pixiecore_core.net.first_stage import FirstStage
from pixiecore_core.net.sightings import Sightings
from pixiecore_core.observe.recorder import Recorder
from pixiecore_core.plugins.manager import PluginManager, Route

Page = Callable[[Request], Response]

_SENT: dict[Purpose, EventKind] = {
    "kernel": EventKind.KERNEL_SENT,
    "initrd": EventKind.INITRD_SENT,
    "file": EventKind.FILE_SENT,
}
_OPTIONAL = {"vendor-data", "network-config"}
"""What cloud-init's NoCloud asks every folder for, and does without (cloudinit/util.py, read_seeded)."""
_LONGEST_CMDLINE = 2047
"""Bytes: COMMAND_LINE_SIZE is 2048 on x86 and arm64 (arch/x86/include/asm/setup.h), with the NUL at its end."""


@dataclass(slots=True)
class BootPages:
    """The application.

    :param sightings: what DHCP told of each machine
    :param pages: further paths, such as the status page
    :param routes: plugins' own pages, by path
    :param serves: whether clients that reached us at an address of ours may be served
    :param url_lifetime: seconds for which the URLs in a script work; ``None`` for ever
    """

    plugins: PluginManager
    recorder: Recorder
    sealer: Sealer
    sightings: Sightings
    pages: Mapping[str, Page] = field(default_factory=dict)
    url_lifetime: float | None = None
    routes: Mapping[str, Route] = field(default_factory=dict)
    serves: Callable[[IPv4Address], bool] = lambda address: True
    firmware: FirmwareTable = KNOWN

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self.answer(request)(environ, start_response)

    def answer(self, request: Request) -> Response:
        """The response to *request*."""
        if not self.serves(_server(request).ip):
            return _text(403, "this network is not served")
        page = {SCRIPT_PATH: self._script, FILE_PATH: self._file, BOOTING_PATH: self._booting, **self.pages}.get(
            request.path
        )
        if page is not None:
            return page(request)
        route = self.routes.get(request.path)
        if route is not None:
            return self._route(route, request)
        if request.path.startswith(FOLDER_PATH):
            return self._folder(request)
        if request.path.startswith(LOADER_PATH) or is_autoexec(request.path):
            return self._loader(request)
        return _text(404, "no such page")

    def _script(self, request: Request) -> Response:
        try:
            machine = self.sightings.complete(
                machine_from_query(request.query_string.decode("latin-1"), request.remote_addr or "", self.firmware)
            )
        except ValueError as error:
            return _text(400, str(error))
        try:
            decision = self.plugins.select_boot(machine)
            if isinstance(decision, Ignore):
                self._record(EventKind.IGNORED, machine.mac, f"Ignoring {machine.mac} (iPXE): {decision.reason}")
                return _text(404, f"you don't netboot: {decision.reason}")
            if isinstance(decision, Hold):
                self._record(EventKind.HELD, machine.mac, f"Holding {machine.mac}: {decision.reason}")
                return _wait(decision.seconds, decision.reason)
            expires = int(time.time() + self.url_lifetime) if self.url_lifetime else None
            urls = SealedUrls(_server(request), self.sealer, machine.mac, expires)
            # A script of the user's own is sent as it is, and has no command line.
            cmdline = "" if decision.ipxe_script else self.plugins.render_cmdline(machine, decision, urls)
            script = self.plugins.render_script(machine, decision, cmdline, urls)
        except PluginError as error:
            return _text(500, f"couldn't get a boot script: {error.reason}")
        except (CmdlineError, BootFileError) as error:
            self._record(EventKind.FAILED, machine.mac, f"Failed to write the boot script of {machine.mac}: {error}")
            return _text(500, f"couldn't get a boot script: {error}")
        said = f"Sent boot script to {machine.mac} ({request.remote_addr}){_length_of(cmdline)}"
        self._record(EventKind.SCRIPT_SENT, machine.mac, said)
        return _text(200, script)

    def _file(self, request: Request) -> Response:
        token = request.args.get("name", "")
        if not token:
            return _text(400, "missing filename")
        sealed = self._unseal(request, token)
        return self._send(request, sealed, sealed.ref) if sealed is not None else _text(404, "no such file")

    def _folder(self, request: Request) -> Response:
        token, _, name = request.path.removeprefix(FOLDER_PATH).partition("/")
        sealed = self._unseal(request, token)
        if sealed is None:
            return _text(404, "no such file")
        if not name and sealed.ref.is_url:
            return self._send(request, sealed, sealed.ref)  # many a web page has such a URL
        try:
            ref = sealed.ref.inside(name)
        except ValueError:
            return _text(404, "no such file")
        return self._send(request, sealed, ref)

    def _unseal(self, request: Request, token: str) -> Sealed | None:
        sealed = self.sealer.open(token, time.time())
        if sealed is None:
            self._record(
                EventKind.REFUSED, None, f"No file for {request.remote_addr}: its URL was not made here, or is too old"
            )
        return sealed

    def _send(self, request: Request, sealed: Sealed, ref: FileRef) -> Response:
        urls = SealedUrls(_server(request), self.sealer, sealed.mac, sealed.expires)
        chosen = ref is not sealed.ref  # by the client, which may make up as many names as it likes, and long ones
        try:
            file = self.plugins.open_boot_file(ref, sealed.mac, urls)
        except PluginError as error:
            return _text(500, f"couldn't get file: {error.reason}")
        except BootFileError as error:
            if chosen and _is_missing(error):
                self._not_in_folder(sealed, ref, _cut(str(error), len(sealed.ref.location) + 60, 60))
                return _text(404, "no such file")
            return self._unavailable(error, sealed.mac, f"Failed to get a file for {sealed.mac}", "couldn't get file")
        name = _cut(file.name) if chosen else file.name
        return respond(request, file, self._report(_SENT[sealed.purpose], sealed.mac, name, file.size, sealed.purpose))

    def _not_in_folder(self, sealed: Sealed, ref: FileRef, reason: str) -> None:
        if ref.name in _OPTIONAL:
            self.recorder.ignored_traffic("HTTP", f"No file for {sealed.mac}, which can do without: {reason}")
        else:
            self._record(EventKind.REFUSED, sealed.mac, f"Failed to get a file for {sealed.mac}: {reason}")

    def _booting(self, request: Request) -> Response:
        mac = self.sealer.open_mac(request.args.get("name", ""))
        if mac is not None:
            self._record(EventKind.BOOTING, mac, f"{mac} has everything and starts its kernel")
        return _text(200, "# Booting\n")

    def _route(self, route: Route, request: Request) -> Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        asked = PageRequest(
            path=request.path,
            query={name: values[0] for name, values in request.args.lists()},
            mac=self.sealer.open_mac(request.args.get("name", "")),
            token=token.strip() if scheme.lower() == "bearer" else "",
            address=request.remote_addr or "",
        )
        try:
            answer = self.plugins.page(route, asked)
        except PluginError as error:
            return _text(500, error.reason)
        # What cannot be written is replaced: it may come from a machine.
        text = answer.text.encode("utf-8", "replace")
        return Response(text, answer.status, content_type=answer.content_type)

    def _loader(self, request: Request) -> Response:
        try:
            file, mac = FirstStage(self.plugins, self.firmware).open(request.path.removeprefix(LOADER_PATH))
        except BootFileError as error:
            text = f"Failed to get {_cut(request.path)!r} for {request.remote_addr}"
            return self._unavailable(error, None, text, str(error))
        return respond(request, file, self._report(EventKind.LOADER_SENT, mac, file.name, file.size, "loader"))

    def _unavailable(self, error: BootFileError, mac: str | None, event: str, told: str) -> Response:
        """Why a file cannot be had: the reason for the timeline, a status for the client."""
        if isinstance(error, BootFileNotReady):
            self._record(EventKind.HELD, mac, f"Holding {mac}: {error}")
            return _wait(error.seconds, told)
        if isinstance(error, BootFileNotFound):
            # A path that nobody was given is no machine's failure; many of them must not flood the log.
            self._record(EventKind.FAILED if mac else EventKind.REFUSED, mac, f"{event}: {error}")
            return _text(404, told)
        self._record(EventKind.FAILED, mac, f"{event}: {error}")
        return _text(504 if isinstance(error, BootFileTimeout) else 502, told)

    def _report(self, kind: EventKind, mac: str | None, name: str, size: int, purpose: str) -> Done:
        started = time.monotonic()

        def done(sent: int, length: int, reason: str | None) -> None:
            seconds = time.monotonic() - started
            details: dict[str, str | int | float] = {
                "file": name,
                "purpose": purpose,
                "bytes": sent,
                "seconds": round(seconds, 3),
            }
            if reason is None and length < size:
                # A probe, or a download that is continued: no step of the boot by itself.
                text = f'Sent part of file "{name}" ({purpose}, {sent:,} of {size:,} bytes) to {mac}'
                self._record(EventKind.FILE_SENT, mac, text, details)
            elif reason is None:
                text = f'Sent file "{name}" ({purpose}, {sent:,} bytes in {seconds:.1f} s) to {mac}'
                self._record(kind, mac, text, details)
            else:
                text = f'Failed to send file "{name}" ({purpose}) to {mac} after {sent:,} of {length:,} bytes: {reason}'
                self._record(EventKind.FAILED, mac, text, details)

        return done

    def _record(
        self, kind: EventKind, mac: str | None, message: str, details: dict[str, str | int | float] | None = None
    ) -> None:
        self.recorder.record(Event(kind=kind, subsystem="HTTP", mac=mac, message=message, details=details or {}))


def _is_missing(error: BootFileError) -> bool:
    """Whether there is no such file: nor can there be one, of a name that is too long for the disk."""
    cause = error.__cause__
    return isinstance(error, BootFileNotFound) or (isinstance(cause, OSError) and cause.errno == errno.ENAMETOOLONG)


def _cut(text: str, first: int = 40, last: int = 40) -> str:
    """*text* without its middle, where it is long."""
    return text if len(text) <= first + last else f"{text[:first]}…{text[-last:]}"


def _length_of(cmdline: str) -> str:
    """A word on a command line that is too long."""
    length = len(cmdline.encode())
    if length <= _LONGEST_CMDLINE:
        return ""
    return f"; its command line has {length} bytes, and Linux cuts it off after {_LONGEST_CMDLINE} without a word"


def _text(status: int, text: str) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")


def _wait(seconds: int, text: str) -> Response:
    """What iPXE obeys by waiting and asking again (httpcore.c, since 2014)."""
    response = _text(503, text)
    response.headers["Retry-After"] = str(seconds)
    return response


def _server(request: Request) -> ServerAddress:
    ip, port = request.environ["pixiecore.local_address"][:2]
    return ServerAddress(IPv4Address(ip), port)
