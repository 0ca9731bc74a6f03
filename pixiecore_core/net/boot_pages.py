"""The HTTP paths of a boot: the script, the files it names, the ping before the kernel starts, the first-stage loader.

A WSGI application, so tests need no socket. Reads the request, asks the plugins, lets boot/ build the answer; every
URL in a script is made from the address the client reached us by, never from its Host header.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from werkzeug.wrappers import Request, Response

from pixiecore_core.architectures import REGISTRY, Architecture, from_ipxe_build
from pixiecore_core.boot.server import (
    BOOTING_PATH,
    FILE_PATH,
    LOADER_PATH,
    SCRIPT_PATH,
    ServerAddress,
    is_autoexec,
)
from pixiecore_core.boot.tokens import Sealer
from pixiecore_core.boot.urls import SealedUrls
from pixiecore_core.errors import BootFileError, BootFileNotFound, CmdlineError, PluginError
from pixiecore_core.models import Event, EventKind, Ignore, Machine, Purpose, normalise_mac
from pixiecore_core.net.file_body import Done, respond
from pixiecore_core.net.first_stage import FirstStage
from pixiecore_core.observe.recorder import Recorder
from pixiecore_core.plugins.manager import PluginManager

Page = Callable[[Request], Response]

_SENT: dict[Purpose, EventKind] = {
    "kernel": EventKind.KERNEL_SENT,
    "initrd": EventKind.INITRD_SENT,
    "file": EventKind.FILE_SENT,
}
_GO_ARCHITECTURES = {"0": REGISTRY[0], "1": REGISTRY[7]}
"""What the Go Pixiecore's iPXE said of itself: IA32 and X64."""


@dataclass(slots=True)
class BootPages:
    """The application.

    :param pages: further paths, such as the status page
    """

    plugins: PluginManager
    recorder: Recorder
    sealer: Sealer
    pages: Mapping[str, Page] = field(default_factory=dict)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        return self.answer(request)(environ, start_response)

    def answer(self, request: Request) -> Response:
        """The response to *request*."""
        page = {SCRIPT_PATH: self._script, FILE_PATH: self._file, BOOTING_PATH: self._booting, **self.pages}.get(
            request.path
        )
        if page is not None:
            return page(request)
        if request.path.startswith(LOADER_PATH) or is_autoexec(request.path):
            return self._loader(request)
        return _text(404, "no such page")

    def _script(self, request: Request) -> Response:
        try:
            machine = _machine(request)
        except ValueError as error:
            return _text(400, str(error))
        try:
            decision = self.plugins.select_boot(machine)
            if isinstance(decision, Ignore):
                self._record(EventKind.IGNORED, machine.mac, f"Ignoring {machine.mac} (iPXE): {decision.reason}")
                return _text(404, f"you don't netboot: {decision.reason}")
            urls = SealedUrls(_server(request), self.sealer, machine.mac)
            # A script of the user's own is sent as it is, and has no command line.
            cmdline = "" if decision.ipxe_script else self.plugins.render_cmdline(machine, decision, urls)
            script = self.plugins.render_script(machine, decision, cmdline, urls)
        except PluginError as error:
            return _text(500, f"couldn't get a boot script: {error.reason}")
        except CmdlineError as error:
            self._record(EventKind.FAILED, machine.mac, f"Failed to write the boot script of {machine.mac}: {error}")
            return _text(500, f"couldn't get a boot script: {error}")
        self._record(EventKind.SCRIPT_SENT, machine.mac, f"Sent boot script to {machine.mac} ({request.remote_addr})")
        return _text(200, script)

    def _file(self, request: Request) -> Response:
        token = request.args.get("name", "")
        if not token:
            return _text(400, "missing filename")
        sealed = self.sealer.open(token)
        if sealed is None:
            self._record(EventKind.REFUSED, None, f"No file for {request.remote_addr}: its URL was not made here")
            return _text(404, "no such file")
        try:
            file = self.plugins.open_boot_file(sealed.ref, sealed.mac)
        except PluginError as error:
            return _text(500, f"couldn't get file: {error.reason}")
        except BootFileError as error:
            self._record(EventKind.FAILED, sealed.mac, f"Failed to get a file for {sealed.mac}: {error}")
            return _text(404 if isinstance(error, BootFileNotFound) else 502, "couldn't get file")
        return respond(request, file, self._report(_SENT[sealed.purpose], sealed.mac, file.name, sealed.purpose))

    def _booting(self, request: Request) -> Response:
        mac = self.sealer.open_mac(request.args.get("name", ""))
        if mac is not None:
            self._record(EventKind.BOOTING, mac, f"{mac} has everything and starts its kernel")
        return _text(200, "# Booting\n")

    def _loader(self, request: Request) -> Response:
        try:
            file, mac = FirstStage(self.plugins).open(request.path.removeprefix(LOADER_PATH))
        except BootFileError as error:
            self._record(EventKind.FAILED, None, f"Failed to get {request.path!r} for {request.remote_addr}: {error}")
            return _text(404 if isinstance(error, BootFileNotFound) else 502, str(error))
        return respond(request, file, self._report(EventKind.LOADER_SENT, mac, file.name, "loader"))

    def _report(self, kind: EventKind, mac: str | None, name: str, purpose: str) -> Done:
        started = time.monotonic()

        def done(sent: int, length: int, reason: str | None) -> None:
            seconds = time.monotonic() - started
            details: dict[str, str | int | float] = {
                "file": name,
                "purpose": purpose,
                "bytes": sent,
                "seconds": round(seconds, 3),
            }
            if reason is None:
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


def _text(status: int, text: str) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")


def _server(request: Request) -> ServerAddress:
    ip, port = request.environ["pixiecore.local_address"][:2]
    return ServerAddress(IPv4Address(ip), port)


def _machine(request: Request) -> Machine:
    """Who asks for a script, from what iPXE filled into the URL.

    :raises ValueError: as the Go Pixiecore worded it
    """
    query = request.args
    if not query.get("mac"):
        raise ValueError("missing MAC address parameter")
    if not query.get("arch"):
        raise ValueError("missing architecture parameter")
    try:
        mac = normalise_mac(query["mac"])
    except ValueError:
        raise ValueError("invalid MAC address") from None
    return Machine(
        mac=mac,
        architecture=_architecture(query["arch"], query.get("platform", "")),
        uuid=_or_none(UUID, query.get("uuid", "")),
        serial=query.get("serial", ""),
        net0_mac=_or_none(normalise_mac, query.get("net0", "")),
        address=_or_none(IPv4Address, request.remote_addr or ""),
    )


def _architecture(arch: str, platform: str) -> Architecture | None:
    if arch.isdecimal():
        if arch not in _GO_ARCHITECTURES:
            raise ValueError("unknown architecture")
        return _GO_ARCHITECTURES[arch]
    return from_ipxe_build(arch, platform)


def _or_none(kind: Callable[[str], Any], text: str) -> Any:
    """What some machines leave empty or fill with rubbish is simply not known."""
    try:
        return kind(text)
    except ValueError:
        return None
