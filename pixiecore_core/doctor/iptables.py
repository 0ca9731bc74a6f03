"""Reads what ``iptables-save`` prints into rules.py's chains: the tables raw, mangle and filter. Pure and lenient.

What it does not know becomes a condition of which nothing can be told.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pixiecore_core.doctor.rules import Chain, Condition, Rule, Verdict

_TABLES = {"raw", "mangle", "filter"}
_INPUT = {"INPUT", "PREROUTING"}
_VERDICTS: dict[str, Verdict] = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return"}
_NO_VERDICT = {"LOG", "NFLOG", "MARK", "CONNMARK", "CT", "NOTRACK", "TRACE", "TCPMSS", "CHECKSUM", "DSCP", "TTL"}
_MODULES = {"udp", "tcp", "conntrack", "state", "multiport", "comment"}
"""Matches that are known by their options alone."""
_FLAGS = {"--reject-with": 1, "--comment": 1, "--log-prefix": 1, "--log-level": 1, "--nflog-group": 1}
"""What asks nothing of a packet, and how many words follow it."""


def chains_of(text: str) -> dict[str, Chain]:
    """The chains by table and name. Lines that are none of iptables' are passed over."""
    table = ""
    policies: dict[str, Verdict] = {}
    rules: dict[str, list[Rule]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table in _TABLES and line.startswith(":"):
            name, _, policy = line[1:].partition(" ")
            policies[f"{table} {name}"] = _VERDICTS.get(policy.split(" ")[0], "return")
        elif table in _TABLES and line.startswith("-A "):
            words = _words(line)
            if len(words) > 1:
                rules.setdefault(f"{table} {words[1]}", []).append(_rule(words[2:], table))
    return {
        name: Chain(rules.get(name, ()), policy, name.partition(" ")[2] in _INPUT) for name, policy in policies.items()
    }


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _rule(words: list[str], table: str) -> Rule:
    conditions: list[Condition] = []
    verdict, target = "go on", ""
    left = iter(words)
    negated = False
    for word in left:
        if word == "!":
            negated = True
            continue
        if word in ("-j", "-g"):
            named = next(left, "")
            verdict, target = _target(named, table, word == "-g")
            continue
        condition = _condition(word, left, negated)
        conditions += [condition] if condition is not None else []
        negated = False
    return Rule(tuple(conditions), verdict, target)  # type: ignore[arg-type]


def _target(named: str, table: str, goto: bool) -> tuple[Verdict, str]:
    if named in _VERDICTS:
        return _VERDICTS[named], ""
    return ("go on", "") if named in _NO_VERDICT else ("goto" if goto else "jump", f"{table} {named}")


def _condition(word: str, left: Iterator[str], negated: bool) -> Condition | None:
    """What *word* and those after it ask for; nothing, where it asks for nothing."""
    match word:
        case "-i":
            return Condition("interface", (next(left, "").replace("+", "*"),), negated)
        case "-p":
            named = next(left, "")
            return None if named == "all" else Condition("protocol", (named,), negated)
        case "--dport" | "--dports":
            ports = tuple(_range(part) for part in next(left, "").split(","))
            return Condition("port", ports, negated) if None not in ports else Condition("other")  # type: ignore[arg-type]
        case "--ctstate" | "--state":
            return Condition("state", tuple(next(left, "").lower().split(",")), negated)
        case "-m":
            return None if next(left, "") in _MODULES else Condition("other")
    if word in _FLAGS:
        for _ in range(_FLAGS[word]):
            next(left, "")
        return None
    return Condition("other") if word.startswith("-") else None


def _range(text: str) -> tuple[int, int] | None:
    first, colon, last = text.partition(":")
    if not colon:
        last = first
    if not (first.isascii() and first.isdecimal() and last.isascii() and last.isdecimal()):
        return None
    return int(first[:6]), int(last[:6])
