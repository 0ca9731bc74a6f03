"""Drives a simulated machine in memory: what it would send becomes function calls. Waits for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from pixiecore_core.testing.machines.steps import (
    Answer,
    Ask,
    Fetched,
    FetchHttp,
    FetchTftp,
    Pause,
    Stage,
    Step,
)
from pixiecore_core.wire.dhcp4 import Dhcp4Message

_ELSEWHERE = Fetched(1, sha256(b"\0").hexdigest(), b"\0")
"""Stands for what another server has, which is not asked."""
_RETRY_SECONDS = 1


class NobodyAnswers(Exception):
    """The machine is ignored."""


@dataclass(slots=True)
class Driven:
    """Does what a machine does next.

    :param server: the address of the server in memory
    :param answer: its answer to a DHCP message
    :param get: the bytes behind a URL of its; raises LookupError with a status and words
    """

    server: str
    answer: Callable[[Dhcp4Message], Dhcp4Message | None]
    get: Callable[[str], bytes]
    problem: str = ""
    """What the machine was told last in place of what it needs."""

    def perform(self, step: Step) -> object:
        """Do a step.

        :raises NobodyAnswers: the machine is ignored
        :raises LookupError: it would have to wait, after it was told something else than it needs
        """
        match step:
            case Ask(message=message):
                reply = self.answer(message)
                if reply is None:
                    raise NobodyAnswers
                return (Answer(reply, self.server),)
            case FetchHttp(stage, url):
                fetched = self._fetch(url)
                if fetched.problem and stage is not Stage.REPORT:
                    self.problem = fetched.problem
                return fetched
            case FetchTftp():
                return _ELSEWHERE
            case Pause() if self.problem:
                raise LookupError(self.problem)
        return None

    def _fetch(self, url: str) -> Fetched:
        if urlsplit(url).hostname != self.server:
            return _ELSEWHERE
        try:
            data = self.get(url)
        except LookupError as refused:
            words = str(refused)
            status = int(words[:3])
            return Fetched(problem=words, cause="not-found", status=status, retry_after=_RETRY_SECONDS)
        return Fetched(len(data), sha256(data).hexdigest(), data)
