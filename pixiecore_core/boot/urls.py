"""Makes the URLs of one machine's boot: the ``url_for`` that the rendering hooks are given.

Every one is sealed; ``type`` and ``mac`` beside the token are for people who read access logs, as in the Go Pixiecore,
and nothing relies on them. Knows the server's own address, never the Host header of a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from pixiecore_core.boot.paths import BOOTING_PATH, FILE_PATH, FOLDER_PATH, REPORT_PATH, ServerAddress
from pixiecore_core.boot.tokens import Origin, Sealed, Sealer
from pixiecore_core.errors import BootFileError
from pixiecore_core.hidden import without_secrets
from pixiecore_core.models import FileRef, Machine, Purpose

SyslogPlace = tuple[str, int]
"""Where syslog is taken: an address, or nothing for that by which a client reaches us, and a port."""

_LONGEST_PATH = 8000
"""Characters; HTTP servers, ours among them, refuse request lines of over 8 KiB."""


@dataclass(frozen=True, slots=True)
class SealedUrls:
    """See :class:`pixiecore_core.hookspecs.UrlFor`."""

    server: ServerAddress
    sealer: Sealer
    mac: str
    expires: int | None = None
    """When the URLs cease to work, in seconds since the epoch; ``None`` for never."""
    log: SyslogPlace | None = None

    def __call__(self, ref: FileRef, purpose: Purpose = "file") -> str:
        """The URL that this server will answer with *ref*; that of a folder takes the name of a file behind it."""
        token = self.sealer.seal(Sealed(ref=ref, mac=self.mac, purpose=purpose, expires=self.expires))
        if ref.is_folder and purpose == "file":
            path = f"{FOLDER_PATH}{token}/"
        else:
            query = {"name": token} if purpose == "file" else {"name": token, "type": purpose, "mac": self.mac}
            path = f"{FILE_PATH}?{urlencode(query)}"
        if len(path) > _LONGEST_PATH:
            raise BootFileError(f"the URL {without_secrets(ref.location)[:60]}… is too long to be handed to a machine")
        return self.server.base_url + path

    def booting(self) -> str:
        """The URL that a script fetches to say that everything is loaded."""
        return self.page(BOOTING_PATH)

    def report(self, step: str) -> str:
        """The URL by which the booted system reports a step."""
        return f"{self.page(REPORT_PATH)}&{urlencode({'step': step})}"

    def syslog(self, words: str) -> str:
        """*words*, with HOST and PORT in them replaced by where syslog is taken; nothing where it is not."""
        if self.log is None:
            return ""
        address, port = self.log
        return words.replace("HOST", address or str(self.server.ip)).replace("PORT", str(port))

    def page(self, path: str) -> str:
        """The URL of a page that will know whose boot it belongs to."""
        query = {"mac": self.mac, "name": self.sealer.seal_page(self.mac, path, self.expires)}
        return f"{self.server.base_url}{path}?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class UrlMaker:
    """Makes the URLs of any machine's boot.

    :param sealer: has the key
    :param lifetime: seconds for which the URLs in a script work; ``None`` for ever
    :param log: where syslog is taken, if it is
    """

    sealer: Sealer
    lifetime: float | None = None
    log: SyslogPlace | None = None

    def of(self, server: ServerAddress, mac: str, now: float) -> SealedUrls:
        """The URLs of a machine's boot that begins.

        :param now: seconds since the epoch
        """
        return SealedUrls(server, self.sealer, mac, int(now + self.lifetime) if self.lifetime else None, self.log)

    def again(self, server: ServerAddress, sealed: Sealed) -> SealedUrls:
        """Further URLs of a boot that *sealed* belongs to, which cease to work when that does."""
        return SealedUrls(server, self.sealer, sealed.mac, sealed.expires, self.log)

    def offered(self, server: ServerAddress, machine: Machine, attempt: str, began: float) -> str:
        """The URL that iPXE is offered, which tells every instance where the machine asked from.

        :param attempt: the identifier of its boot attempt
        :param began: when that began, in seconds since the epoch
        """
        origin = Origin(
            mac=machine.mac,
            interface=machine.interface,
            subnet=machine.subnet,
            relay=machine.relay,
            architecture=machine.architecture.code if machine.architecture is not None else None,
            attempt=attempt,
            began=int(began),
        )
        return server.offered_url(self.sealer.seal_origin(origin))
