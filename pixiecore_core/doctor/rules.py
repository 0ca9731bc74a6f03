"""A packet filter's rules, whoever wrote them down, and whether they let a packet to one of our ports in.

Knows what a new packet's protocol, port and interface are. Of whatever else a rule asks for, it says "perhaps".
Pure; reads no rules itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["accept", "drop", "return", "jump", "goto", "go on"]
_DEEPEST = 16
_MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Probe:
    """The first packet of a client's."""

    protocol: Literal["udp", "tcp"]
    port: int
    interface: str

    def __str__(self) -> str:
        return f"{self.protocol.upper()} port {self.port} on {self.interface}"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a rule asks of a packet."""

    key: Literal["protocol", "port", "interface", "state", "other"]
    values: tuple[str | tuple[int, int], ...] = ()
    """Any of them; of ports, first and last. An interface may end in ``*``."""
    negated: bool = False

    def holds(self, probe: Probe) -> bool | None:
        """``None`` where that cannot be told."""
        if self.key == "other":
            return None
        if self.key == "port":
            found = any(isinstance(value, tuple) and value[0] <= probe.port <= value[1] for value in self.values)
        elif self.key == "interface":
            found = any(_is_interface(str(value), probe.interface) for value in self.values)
        else:
            found = (probe.protocol if self.key == "protocol" else "new") in self.values
        return found != self.negated


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to packets that meet all conditions."""

    conditions: tuple[Condition, ...]
    verdict: Verdict
    target: str = ""
    """The chain to go to."""

    def meets(self, probe: Probe) -> bool | None:
        """Whether *probe* meets all conditions; ``None`` where that cannot be told."""
        held = [condition.holds(probe) for condition in self.conditions]
        return False if False in held else None if None in held else True


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in their order."""

    rules: Sequence[Rule]
    policy: Verdict = "return"
    """What happens at the end."""
    is_input: bool = False
    """Whether packets to this host begin here."""


def drops(chains: Mapping[str, Chain], probe: Probe) -> tuple[Literal["no", "perhaps", "yes"], str]:
    """Whether some chain drops *probe*, and which."""
    perhaps = ""
    for name, chain in chains.items():
        if not chain.is_input:
            continue
        if _Walk(chains, probe, hopeful=True).verdict(name) == "drop":
            return "yes", name
        if not perhaps and _Walk(chains, probe, hopeful=False).verdict(name) == "drop":
            perhaps = name
    return ("perhaps", perhaps) if perhaps else ("no", "")


@dataclass(slots=True)
class _Walk:
    """Goes through the chains.

    :param hopeful: whether rules of which nothing can be told let packets in, and drop none
    """

    chains: Mapping[str, Chain]
    probe: Probe
    hopeful: bool
    steps: int = 0

    def verdict(self, name: str, depth: int = 0) -> Verdict:
        chain = self.chains.get(name)
        if chain is None or depth > _DEEPEST:
            return "return"
        for rule in chain.rules:
            self.steps += 1
            if self.steps > _MOST_STEPS:
                return "return"
            verdict = self._of(rule, depth)
            if verdict == "return":
                return chain.policy
            if verdict != "go on":
                return verdict
        return chain.policy

    def _of(self, rule: Rule, depth: int) -> Verdict:
        met = rule.meets(self.probe)
        if met is False:
            return "go on"
        verdict = rule.verdict
        if verdict in ("jump", "goto"):
            verdict = self.verdict(rule.target, depth + 1)
            if verdict == "return":
                verdict = "return" if rule.verdict == "goto" and met else "go on"
        if met is None and verdict != ("accept" if self.hopeful else "drop"):
            return "go on"
        return verdict


def _is_interface(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
