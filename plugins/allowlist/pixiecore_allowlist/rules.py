"""Rules: which machines are listed. A MAC address, the beginning of one, a UUID, or a subnet.

Pure, except for reading the file of rules. Knows no hooks and decides nothing about machines that no rule names.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from ipaddress import IPv4Network
from uuid import UUID

from pixiecore_core import Machine

Rule = str | UUID | IPv4Network
"""A text is a MAC address or its first three to five pairs, in lower case with colons."""

_MAC = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){2,5}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FORMS = (
    "a rule is a MAC address such as 52:54:00:12:34:56, at least its first three pairs (52:54:00), a UUID, or a subnet "
    "such as 192.0.2.0/24"
)
_LONGEST_FILE = 16 << 20
Stamp = tuple[int, ...]
"""What changes whenever a file does."""


class RuleFileError(ValueError):
    """A file of rules cannot be used.

    :param where: the file and perhaps the line, without anything that is in it
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where} {reason}")
        self.where = where.rstrip(":")


def parse_rule(text: str) -> Rule:
    """The rule that *text* is.

    :raises ValueError: it is not one
    """
    lowered = text.strip().lower()
    if _MAC.fullmatch(lowered):
        return lowered.replace("-", ":")
    if _UUID.fullmatch(lowered):
        return UUID(lowered)
    shown = repr(text) if len(text) <= 60 else f"{text[:60]!r}…"
    if "/" not in lowered:
        raise ValueError(f"{shown} is not a rule: {_FORMS}")
    try:
        return IPv4Network(lowered)
    except ValueError as error:
        why = "it has host bits set" if "host bits" in str(error) else _FORMS
        raise ValueError(f"{shown} is not an IPv4 subnet: {why}") from None


class Rules:
    """Rules, sorted by kind, so that ten thousand cost no more than ten."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        every = list(rules)
        self._prefixes = {rule for rule in every if isinstance(rule, str)}
        self._uuids = {rule for rule in every if isinstance(rule, UUID)}
        self._subnets = [rule for rule in every if isinstance(rule, IPv4Network)]

    def name(self, machine: Machine) -> bool:
        """Whether a rule names *machine*; a rule about what is unknown of it does not."""
        if any(machine.mac[:length] in self._prefixes for length in (17, 14, 11, 8)):
            return True
        if machine.uuid is not None and machine.uuid in self._uuids:
            return True
        return any(_is_in(machine, subnet) for subnet in self._subnets)


def _is_in(machine: Machine, subnet: IPv4Network) -> bool:
    """By the address that it asks from; only while it has none by what DHCP says, which any neighbour can forge."""
    address = machine.address or machine.relay
    if address is not None:
        return address in subnet
    return machine.subnet is not None and machine.subnet.subnet_of(subnet)


def at_once(path: str, flags: int) -> int:
    """Opens a file without waiting, as a FIFO would make us until something is written."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_rules(path: str) -> tuple[Stamp, Rules]:
    """The rules in a file, one a line; ``#`` begins a comment.

    :raises RuleFileError: it cannot be read, or a line holds something else; the message names file and line
    """
    try:
        with open(path, "rb", opener=at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise RuleFileError(path, "is not a regular file")
            data = file.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise RuleFileError(path, f"cannot be read: {error.strerror}") from error
    if len(data) > _LONGEST_FILE:
        raise RuleFileError(path, f"is larger than {_LONGEST_FILE >> 20} MiB")
    rules = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = line.partition(b"#")[0].decode().strip()
            if text:
                rules.append(parse_rule(text))
        except UnicodeDecodeError:
            raise RuleFileError(f"{path}, line {number}:", "it is not UTF-8 text") from None
        except ValueError as error:
            raise RuleFileError(f"{path}, line {number}:", str(error)) from None
    return _stamp(status), Rules(rules)


class RuleFile:
    """The rules in a file, read again when it changes. An edit that cannot be used leaves the last good rules.

    :raises RuleFileError: as :func:`read_rules`
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen, self._rules = read_rules(path)
        self.problem: RuleFileError | None = None
        """Why the rules are not what the file says now; ``None`` while they are."""

    def current(self) -> Rules:
        """The rules."""
        try:
            seen = _stamp(os.stat(self._path))
        except OSError as error:
            # Perhaps it is missing only for a moment: the next call looks again.
            self._seen, self.problem = (), RuleFileError(self._path, f"cannot be read: {error.strerror}")
            return self._rules
        if seen != self._seen:
            try:
                self._seen, self._rules = read_rules(self._path)
                self.problem = None
            except RuleFileError as error:
                self._seen, self.problem = seen, error
        return self._rules


def _stamp(status: os.stat_result) -> Stamp:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)
