"""Runs iPXE's scripts by iPXE's rules (script.c, exec.c, image.c), and fetches for them. Opens nothing.

The commands are in ``ipxe_commands`` and ``ipxe_images``. A script can go round for ever, so their number is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from pixiecore_core.testing.machines.ipxe_text import (
    Arguments,
    Line,
    arguments,
    commands,
    expanded,
    is_script,
    lines_of,
)
from pixiecore_core.testing.machines.rows import IPXE_TFTP, Ipxe
from pixiecore_core.testing.machines.steps import (
    End,
    Fetched,
    FetchHttp,
    FetchTftp,
    Image,
    Outcome,
    Pause,
    Play,
    Stage,
    Tell,
    fetch,
)

MOST_COMMANDS = 5_000
"""In one boot."""
_DEEPEST = 16
"""Scripts within scripts."""
_SHORTEST_WAIT = 1
OK = 0
NO_SUCH, INVALID, NOT_FOUND, DIFFERENT = 0x2D000000, 0x1C000000, 0x2E000000, 0x47000000
"""Error numbers: the class alone (iPXE include/errno.h)."""


class Ended(Exception):
    """The boot is over: nothing comes back to the script."""

    def __init__(self, end: End) -> None:
        super().__init__(end.reason)
        self.end = end


@dataclass(slots=True)
class Replaced(Exception):
    """Another script takes the place of the one that runs."""

    image: Held


@dataclass(slots=True)
class Held:
    """An image that iPXE has, and where it is from."""

    image: Image
    url: str
    cmdline: str = ""


@dataclass(slots=True)
class Running:
    """A script that runs, and where it is."""

    lines: list[Line]
    at: int = 0
    stopped: bool = False
    jumped: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One of iPXE's.

    :param options: by their long names, and whether each takes a value
    :param run: gives the error number
    """

    options: Mapping[str, bool]
    run: Callable[[Shell, Arguments], Play[int]]


@dataclass(slots=True)
class Shell:
    """iPXE's command line.

    :param settings: by name; iPXE fills them in wherever a script has ``${name}``
    :param commands: what it knows
    :param asks: ``dhcp``: asks again, and gives an error number
    :param boots: ``autoboot``
    :param patience: how many seconds in all it waits for a server that says 503
    """

    ipxe: Ipxe
    settings: dict[str, str]
    commands: Mapping[str, Command]
    asks: Callable[[Shell], Play[int]]
    boots: Callable[[Shell], Play[int]]
    patience: float
    script: str = ""
    """The last that ran."""
    url: str = ""
    """Where the running script came from: what URLs in it are relative to."""
    trouble: str = ""
    """What went wrong last."""
    images: dict[str, Held] = field(default_factory=dict)
    kernel: str = ""
    """The name of the image that ``kernel`` or ``imgselect`` chose."""
    waited: float = 0.0
    running: list[Running] = field(default_factory=list)
    _count: int = 0

    def setting(self, name: str) -> str:
        """The value of a setting; of a network card, that of the only one that there is."""
        if name in self.settings:
            return self.settings[name]
        scope, _, rest = name.rpartition("/")
        return self.settings.get(rest, "") if scope in ("net0", "netX") else ""

    def expand(self, text: str) -> str:
        """A text with its settings filled in."""
        return expanded(text, self.setting)

    def run_fetched(self, name: str, url: str, fetched: Fetched) -> Play[int]:
        """Run what iPXE fetched of its own accord: a script, or a program."""
        if fetched.problem:
            return self.failed(self.errno(fetched.cause), fetched.problem)
        held = Held(Image(name, fetched.size, fetched.sha256, fetched.head), url)
        self.images[name] = held
        return (yield from self.execute(name, held))

    def run(self, held: Held) -> Play[int]:
        """Run a script, and what takes its place; gives the error number that it ends with.

        :raises Ended: the boot is over
        """
        if len(self.running) >= _DEEPEST:
            return self.failed(INVALID, "scripts within scripts, too many of them")
        outer = self.url
        while True:
            self.url, self.script = held.url or self.url, held.image.head.decode("utf-8", "replace")
            self.running.append(Running(lines_of(self.script)))
            try:
                return (yield from self._run_lines(self.running[-1]))
            except Replaced as replaced:
                held = replaced.image
                self._spend()
            finally:
                self.running.pop()
                self.url = outer

    def _run_lines(self, running: Running) -> Play[int]:
        errno = OK
        while running.at < len(running.lines):
            line = running.lines[running.at]
            running.at += 1
            errno = yield from self._run_line(running, line)
            if errno or running.stopped:
                break
        return errno

    def _run_line(self, running: Running, line: Line) -> Play[int]:
        errno, runs, running.jumped = OK, True, False
        for command, then in commands(line.words):
            if runs:
                words = tuple(expanded(word, self.setting) for word in command)
                errno = yield from self._run_command(words)
                if errno:
                    self.settings["errno"] = f"{errno:#x}"
            if running.stopped or running.jumped or then is None:
                break
            runs = then.runs(failed=errno != OK)
        return errno

    def _run_command(self, words: tuple[str, ...]) -> Play[int]:
        self._spend()
        if not words:
            return OK
        command = self.commands.get(words[0])
        if command is None:
            yield Tell(f"screen: {words[0]}: command not found")
            return self.failed(NOT_FOUND, f"{words[0]}: command not found")
        try:
            given = arguments(words[1:], command.options)
        except ValueError as error:
            return self.failed(INVALID, f"{words[0]}: {error}")
        return (yield from command.run(self, given))

    def _spend(self) -> None:
        """Count a command.

        :raises Ended: there were too many
        """
        self._count += 1
        if self._count > MOST_COMMANDS:
            reason = f"its scripts go round for ever: {MOST_COMMANDS} commands"
            raise Ended(End(Outcome.FAILED, reason, script=self.script))

    def failed(self, errno: int, trouble: str) -> int:
        """Note why a command fails; its error number."""
        self.trouble = trouble
        return errno

    def execute(self, name: str, held: Held) -> Play[int]:
        """Start an image.

        :raises Ended: it is no script
        """
        if is_script(held.image.head):
            return (yield from self.run(held))
        if not held.image.size:
            return self.failed(self.errno("not-an-image"), f"{name} is empty")
        others = tuple(one.image for other, one in self.images.items() if other != name)
        initrds = tuple(one for one in others if not is_script(one.head))
        raise Ended(End(Outcome.BOOTED, f"it starts {name}", held.image, initrds, held.cmdline, self.script))

    def fetch(self, url: str, stage: Stage, timeout: float | None = None) -> Play[Fetched]:
        """Fetch by HTTP or TFTP; where a server says 503 and when to ask again, wait and do (httpcore.c)."""
        try:
            full = absolute(self.url, url)
            parts = urlsplit(full)
        except ValueError as error:
            return Fetched(problem=f"{url}: {error}", cause="missing")
        if parts.scheme == "tftp" and parts.hostname:
            step = FetchTftp(stage, parts.hostname, parts.path.removeprefix("/"), IPXE_TFTP, timeout=timeout)
            return (yield from fetch(step))
        if parts.scheme != "http" or not parts.hostname:
            return Fetched(problem=f"{full}: only http and tftp are imitated", cause="missing")
        while True:
            fetched = yield from fetch(FetchHttp(stage, full, f"iPXE/{self.ipxe.version}", timeout=timeout))
            if fetched.status != 503 or fetched.retry_after is None:
                return fetched
            seconds = max(_SHORTEST_WAIT, fetched.retry_after)
            if self.waited + seconds > self.patience:
                reason = f"the server has had it wait for {self.waited:.0f} s: {fetched.problem}"
                raise Ended(End(Outcome.HELD, reason, script=self.script))
            self.waited += seconds
            yield Pause(seconds, fetched.problem)

    def errno(self, cause: str) -> int:
        """The error number for the cause of a failure."""
        known = dict(self.ipxe.errnos)
        return known.get(cause, known["broken"])


def absolute(base: str, url: str) -> str:
    """A URL, relative to where the script came from."""
    if base.startswith("tftp://") and "://" not in url:
        return "tftp" + urljoin("http" + base.removeprefix("tftp"), url).removeprefix("http")
    return urljoin(base, url) if base and "://" not in url else url
