"""The HTTP paths of a boot: the script, the files it names, the first-stage loader; and what machines report.

Reads the request, has the script written and the files opened, says what came of it. Every URL in a script is made from
the address that the client reached us by, never from its Host header.
"""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass, field
from functools import partial

from werkzeug.wrappers import Request, Response

from pixiecore_core.boot.chain_names import is_done_without
from pixiecore_core.boot.identify import Neighbours, asked_from, hardware_of_another, machine_from, parameters
from pixiecore_core.boot.paths import (
    AUTOEXEC,
    FAILED_PATH,
    FILE_PATH,
    FOLDER_PATH,
    LOADER_PATH,
    OFFERED_PATH,
    SCRIPT_PATH,
    names_a_boot,
    parse_loader_path,
)
from pixiecore_core.boot.script import asking
from pixiecore_core.boot.tokens import Sealed
from pixiecore_core.boot.urls import UrlMaker
from pixiecore_core.engine.first_stage import FirstStage
from pixiecore_core.engine.heard import odd_range
from pixiecore_core.engine.policy import PolicyFailed
from pixiecore_core.engine.scripting import Script, ScriptWriter
from pixiecore_core.errors import BootFileError, BootFileNotFound, BootFileNotReady, BootFileTimeout, PluginError
from pixiecore_core.models import BootFile, Fact, FileRef, Hold, Ignore, Machine
from pixiecore_core.models.facts import (
    SENT,
    Booting,
    Failed,
    FileSent,
    Held,
    Ignored,
    Noticed,
    Refused,
    ScriptSent,
    SentToDisk,
)
from pixiecore_core.net.file_body import Done, Look, respond
from pixiecore_core.net.report_pages import ReportPages
from pixiecore_core.net.site import Page, server_of, text, wait
from pixiecore_core.observe.bus import Bus
from pixiecore_core.observe.progress import Moving, Progress
from pixiecore_core.wire.kernel_image import HEAD_BYTES, is_text, processor_of

_OPTIONAL = {"vendor-data", "network-config"}
"""What cloud-init's NoCloud asks every folder for, and does without (cloudinit/util.py, read_seeded)."""


@dataclass(frozen=True, slots=True)
class BootPages:
    """The pages.

    :param scripts: writes scripts
    :param first_stage: opens loaders
    :param urls: makes and opens sealed URLs
    :param neighbours: the hardware addresses of a client on a link of ours; where it knows one, only that gets a script
    """

    scripts: ScriptWriter
    first_stage: FirstStage
    urls: UrlMaker
    bus: Bus
    neighbours: Neighbours | None = None
    progress: Progress = field(default_factory=Progress)

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        reports = ReportPages(self.scripts, self.urls, self.bus)
        return {SCRIPT_PATH: self._script, FILE_PATH: self._file, **reports.pages()}

    def folders(self) -> dict[str, Page]:
        """The pages that answer for all paths that begin so."""
        return {
            OFFERED_PATH: self._offered,
            FOLDER_PATH: self._folder,
            LOADER_PATH: self._loader,
            AUTOEXEC: self._loader,
        }

    def _offered(self, request: Request) -> Response:
        token = request.path.removeprefix(OFFERED_PATH)
        origin = self.urls.sealer.open_origin(token)
        if origin is None:
            self._refuse_url(request)
            return text(404, "no such page")
        server = server_of(request)
        failed = self.urls.of(server, origin.mac, time.time()).page(FAILED_PATH)
        return text(200, asking(server.script_url(origin.mac, token), failed))

    def _script(self, request: Request) -> Response:
        known, decider = parameters(request.query_string.decode("latin-1")), self.scripts.decider
        origin = self.urls.sealer.open_origin(known.get("from", ""))
        said = origin.architecture if origin is not None else None
        try:
            machine = machine_from(known, request.remote_addr or "", decider.loaders.table, said)
        except ValueError as error:
            return text(400, str(error))
        try:
            if self._is_another(machine):
                return text(403, "this is not your script: your hardware address is another")
        except OSError as error:
            return wait(2, f"cannot tell whose script this is: {error.strerror}")
        if origin is not None and origin.mac == machine.mac:
            machine = asked_from(machine, origin)
            decider.attempts.resume(machine, origin.attempt, origin.began)
        machine = decider.attempts.complete(machine)
        urls = self.urls.of(server_of(request), machine.mac, time.time())
        script = self.scripts.write(machine, urls)
        if isinstance(script, Ignore):
            self.bus.report(
                Ignored(mac=machine.mac, stage="script", reason=script.reason, told=script.told, by=script.by)
            )
            return text(404, f"you don't netboot: {script.words}")
        if isinstance(script, Hold):
            self.bus.report(
                Held(mac=machine.mac, asked_for="script", reason=script.reason, seconds=script.seconds, by=script.by)
            )
            return wait(script.seconds, script.words)
        if isinstance(script, PolicyFailed):
            return self._no_script(machine, script)
        self.bus.report(_about(script, machine.mac, request.remote_addr or ""))
        return text(200, script.text)

    def _is_another(self, machine: Machine) -> bool:
        """Whether the kernel knows the client by another hardware address than the one that it asks for."""
        another = hardware_of_another(machine, self.neighbours)
        if not another:
            return False
        reason = f"it asks as {machine.mac}, but its hardware address is {another} (--check-neighbour)"
        self.bus.report(Refused(via="HTTP", what="script", source=str(machine.address), reason=reason))
        return True

    def _no_script(self, machine: Machine, failure: PolicyFailed) -> Response:
        if not isinstance(failure.error, PluginError):  # a plugin's failure has been reported
            self.bus.report(Failed(mac=machine.mac, via="HTTP", step="script", reason=failure.reason))
        return text(500, f"couldn't get a boot script: {failure.words}")

    def _file(self, request: Request) -> Response:
        token = request.args.get("name", "")
        if not token:
            return text(400, "missing filename")
        sealed = self._unseal(request, token)
        return self._send(request, sealed, sealed.ref) if sealed is not None else text(404, "no such file")

    def _folder(self, request: Request) -> Response:
        token, _, name = request.path.removeprefix(FOLDER_PATH).partition("/")
        sealed = self._unseal(request, token)
        if sealed is None:
            return text(404, "no such file")
        if not name and sealed.ref.is_url:
            return self._send(request, sealed, sealed.ref)  # many a web page has such a URL
        try:
            ref = sealed.ref.inside(name)
        except ValueError:
            return text(404, "no such file")
        return self._send(request, sealed, ref)

    def _unseal(self, request: Request, token: str) -> Sealed | None:
        sealed = self.urls.sealer.open(token, time.time())
        if sealed is None:
            self._refuse_url(request)
        return sealed

    def _refuse_url(self, request: Request) -> None:
        reason = "its URL was not made here, or is too old"
        self.bus.report(Refused(via="HTTP", what="url", source=request.remote_addr or "", reason=reason))

    def _send(self, request: Request, sealed: Sealed, ref: FileRef) -> Response:
        urls = self.urls.again(server_of(request), sealed)
        chosen = ref is not sealed.ref  # by the client, which may make up as many names as it likes, and long ones
        try:
            file = self.scripts.policy.open_boot_file(ref, sealed.mac, urls)
        except PluginError as error:
            return text(500, f"couldn't get file: {error.told}")
        except BootFileError as error:
            if chosen and _is_missing(error):
                self._not_in_folder(sealed.mac, ref, _cut(str(error), len(sealed.ref.location) + 60, 60))
                return text(404, "no such file")
            failed = Failed(mac=sealed.mac, via="HTTP", step="file", reason=str(error))
            return self._unavailable(error, failed, "couldn't get file")
        sent = FileSent(
            mac=sealed.mac,
            via="HTTP",
            file=_cut(file.name) if chosen else file.name,
            purpose=sealed.purpose,
            bytes=0,
            size=file.size,
            seconds=0,
            address=request.remote_addr or "",
        )
        self._look_at_range(request, sealed.mac)
        look = partial(self._look_at_kernel, file.name, sealed.mac) if sealed.purpose == "kernel" else None
        return self._respond(request, file, sent, self._when_done(sent), look)

    def _look_at_range(self, request: Request, mac: str) -> None:
        """A build of iPXE for i386 asks for bytes=u-u (ipxe issue 767); it is given all of the file."""
        if noticed := odd_range(mac, request.headers.get("Range", "")):
            self.bus.report(noticed)

    def _look_at_kernel(self, name: str, mac: str, head: bytes) -> None:
        """Say so where a machine is handed a kernel that it cannot start: BIOS jumps into whatever it is given."""
        head = head[:HEAD_BYTES]
        attempt = self.scripts.decider.attempts.latest(mac)
        kind = attempt.machine.architecture if attempt is not None else None
        processor = processor_of(head)
        if kind is not None and processor and processor not in kind.processors:
            text = f"is handed {name}, a kernel for {processor}, and is {kind}"
            self.bus.report(Noticed(mac=mac, what="other-processor", text=text))
        elif is_text(head):
            self.bus.report(Noticed(mac=mac, what="no-kernel", text=f"is handed {name}, a text and not a kernel"))

    def _respond(
        self, request: Request, file: BootFile, sent: FileSent, done: Done, look: Look | None = None
    ) -> Response:
        """Send a file, so that it can be watched."""
        moving = Moving(sent.mac or "", file.name, file.size)

        def ended(count: int, length: int, reason: str | None) -> None:
            self.progress.end(moving)
            done(count, length, reason)

        return respond(request, file, ended, lambda: self.progress.begin(moving), look)

    def _not_in_folder(self, mac: str, ref: FileRef, reason: str) -> None:
        if ref.name in _OPTIONAL:
            self.bus.aside("HTTP", f"No file for {mac}, which can do without: {reason}")
        else:
            self.bus.report(Refused(mac=mac, via="HTTP", what="file", file=_cut(ref.name), reason=reason))

    def _loader(self, request: Request) -> Response:
        address = request.remote_addr or ""
        try:
            path = request.path.removeprefix(LOADER_PATH)
            file, mac = self.first_stage.open(path, server_of(request), address)
        except BootFileError as error:
            shown, reason = _cut(request.path), str(error)
            if isinstance(error, BootFileNotFound):
                if is_done_without(path):
                    self.bus.aside("HTTP", f"{address} asked for {shown}, and does without")
                    return text(404, reason)
                # A path that nobody was given is no machine's failure; many of them must not flood the log.
                self.bus.report(Refused(via="HTTP", what="path", source=address, file=shown, reason=reason))
                return text(404, reason)
            wanted = parse_loader_path(path)
            of = wanted.mac if wanted is not None else None
            failed = Failed(mac=of, via="HTTP", step="file", file=shown, address=address, reason=reason)
            return self._unavailable(error, failed, reason)
        is_boot = names_a_boot(path)
        sent = FileSent(
            mac=mac,
            via="HTTP",
            file=file.name,
            purpose="kernel" if is_boot else "loader",
            bytes=0,
            size=file.size,
            seconds=0,
            address=address,
        )
        done = self._when_done(sent)
        if not is_boot:
            return self._respond(request, file, sent, done)

        def started(count: int, length: int, reason: str | None) -> None:
            done(count, length, reason)
            if reason is None and length == file.size and request.method == "GET":
                self.bus.report(Booting(mac=mac))  # nothing comes between it and its kernel

        return self._respond(request, file, sent, started)

    def _unavailable(self, error: BootFileError, failed: Failed, told: str) -> Response:
        """Why a file is not to be had: the reason for the timeline, a status for the client."""
        if isinstance(error, BootFileNotReady):
            held = Held(mac=failed.mac, asked_for="file", reason=failed.reason, seconds=error.seconds)
            self.bus.report(held)
            return wait(error.seconds, told)
        self.bus.report(failed)
        if isinstance(error, BootFileNotFound):
            return text(404, told)
        return text(504 if isinstance(error, BootFileTimeout) else 502, told)

    def _when_done(self, sent: FileSent) -> Done:
        """Reports how the sending of a file went, once it is over.

        :param sent: what is known of it beforehand
        """
        started = time.monotonic()
        known = sent.model_dump(exclude={"kind", "at", "bytes", "seconds", "blksize", "windowsize"})

        def done(count: int, length: int, reason: str | None) -> None:
            seconds = round(time.monotonic() - started, 3)
            if reason is not None:
                failure = known | {"size": length, "step": "transfer", "reason": reason}
                self.bus.report(Failed(**failure, bytes=count, seconds=seconds))
                return
            kind = SENT[sent.purpose] if length == sent.size else FileSent
            self.bus.report(kind(**known, bytes=count, seconds=seconds))

        return done


def _about(script: Script, mac: str, address: str) -> Fact:
    """What happened, now that a machine is sent its script."""
    if script.cannot:
        return Ignored(mac=mac, stage="script", reason=script.cannot)
    if script.to_disk is not None:
        return SentToDisk(mac=mac, address=address, reason=script.to_disk.reason)
    return ScriptSent(mac=mac, address=address, cmdline_bytes=len(script.cmdline.encode()))


def _is_missing(error: BootFileError) -> bool:
    """Whether there is no such file: nor can there be one, of a name that is too long for the disk."""
    cause = error.__cause__
    return isinstance(error, BootFileNotFound) or (isinstance(cause, OSError) and cause.errno == errno.ENAMETOOLONG)


def _cut(words: str, first: int = 40, last: int = 40) -> str:
    """*words* without their middle, where they are long."""
    return words if len(words) <= first + last else f"{words[:first]}…{words[-last:]}"
