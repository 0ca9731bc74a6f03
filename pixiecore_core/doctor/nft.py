"""Reads what ``nft -j list ruleset`` prints (libnftables-json(5)) into rules.py's chains. Pure and lenient.

What it does not know becomes a condition of which nothing can be told. Rules that iptables made are iptables.py's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pixiecore_core.doctor.rules import Chain, Condition, Rule, Verdict

_FAMILIES = {"ip", "inet"}
_HOOKS = {"input", "prerouting"}
_VERDICTS: dict[str, Verdict] = {
    "accept": "accept",
    "drop": "drop",
    "reject": "drop",
    "return": "return",
    "jump": "jump",
    "goto": "goto",
}
_OTHER = Condition("other")
_HARMLESS = {"counter", "log", "comment", "meter", "notrack", "mangle"}
_LONGEST = 64 << 20


def chains_of(text: str) -> dict[str, Chain]:
    """The chains by family, table and name.

    :raises ValueError: it is no JSON of nft's
    """
    try:
        listed = json.loads(text[:_LONGEST])["nftables"]
        objects = [one for one in listed if isinstance(one, dict)]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not what nft -j list ruleset prints") from error
    sets = {_name(one, "name"): one.get("elem", []) for one in _all(objects, "set")}
    rules: dict[str, list[Rule]] = {}
    for one in _all(objects, "rule"):
        where = _name(one, "chain")
        rules.setdefault(where, []).extend(_rules(one.get("expr"), where.rpartition(" ")[0], sets))
    return {name: _chain(one, rules.get(name, [])) for one in _all(objects, "chain") for name in [_name(one, "name")]}


def _all(objects: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    for one in objects:
        found = one.get(kind)
        if isinstance(found, dict) and str(found.get("family")) in _FAMILIES:
            yield found


def _name(one: dict[str, Any], key: str) -> str:
    return f"{one.get('family')} {one.get('table')} {one.get(key)}"


def _chain(one: dict[str, Any], rules: list[Rule]) -> Chain:
    is_input = one.get("type") == "filter" and str(one.get("hook")) in _HOOKS
    policy: Verdict = ("drop" if one.get("policy") == "drop" else "accept") if "hook" in one else "return"
    return Chain(rules, policy, is_input)


def _rules(expressions: Any, table: str, sets: dict[str, Any]) -> Iterator[Rule]:
    """A rule of nft's: several, where it ends in a map of verdicts."""
    conditions: list[Condition] = []
    for expression in expressions if isinstance(expressions, list) else []:
        if not isinstance(expression, dict) or len(expression) != 1:
            conditions.append(_OTHER)
            continue
        ((kind, value),) = expression.items()
        if kind == "xt":
            return
        if kind == "match":
            conditions.append(_condition(value, table, sets))
        elif kind in _VERDICTS:
            yield _rule(conditions, kind, value, table)
        elif kind == "vmap" and isinstance(value, dict):
            yield from _map(conditions, value, table, sets)
        elif kind not in _HARMLESS:
            conditions.append(_OTHER)


def _rule(conditions: list[Condition], kind: str, value: Any, table: str) -> Rule:
    target = f"{table} {value.get('target')}" if isinstance(value, dict) and kind in ("jump", "goto") else ""
    return Rule(tuple(conditions), _VERDICTS[kind], target)


def _map(conditions: list[Condition], value: dict[str, Any], table: str, sets: dict[str, Any]) -> Iterator[Rule]:
    data = value.get("data")
    pairs = data.get("set") if isinstance(data, dict) else None
    for pair in pairs if isinstance(pairs, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], dict) and len(pair[1]) == 1:
            ((kind, target),) = pair[1].items()
            asked = {"op": "==", "left": value.get("key"), "right": pair[0]}
            if kind in _VERDICTS:
                yield _rule([*conditions, _condition(asked, table, sets)], kind, target, table)


def _condition(match: Any, table: str, sets: dict[str, Any]) -> Condition:
    if not isinstance(match, dict):
        return _OTHER
    values = list(_values(match.get("right"), table, sets))
    key, negated = _key(match.get("left")), match.get("op") == "!="
    if key is None or not values or match.get("op") not in ("==", "!=", "in"):
        return _OTHER
    if key == "port":
        ports = [value if isinstance(value, tuple) else (value, value) for value in values]
        numbers = [port for port in ports if isinstance(port[0], int) and isinstance(port[1], int)]
        return Condition("port", tuple(numbers), negated) if len(numbers) == len(ports) else _OTHER
    texts = [value for value in values if isinstance(value, str)]
    return Condition(key, tuple(texts), negated) if len(texts) == len(values) else _OTHER


def _key(left: Any) -> Any:
    """Which of a packet's properties is asked for."""
    match left:
        case {"payload": {"protocol": "udp" | "tcp" | "th", "field": "dport"}}:
            return "port"
        case {"meta": {"key": "l4proto"}} | {"payload": {"protocol": "ip", "field": "protocol"}}:
            return "protocol"
        case {"meta": {"key": "iifname" | "iif"}}:
            return "interface"
        case {"ct": {"key": "state"}}:
            return "state"
    return None


def _values(right: Any, table: str, sets: dict[str, Any], depth: int = 0) -> Iterator[Any]:
    match right:
        case str() if right.startswith("@") and depth < 3:
            yield from _values(sets.get(f"{table} {right[1:]}"), table, sets, depth + 1)
        case {"range": [first, last]}:
            yield first, last
        case {"elem": {"val": value}} if depth < 9:
            yield from _values(value, table, sets, depth + 1)
        case {"set": list() as several} if depth < 9:
            for one in several:
                yield from _values(one, table, sets, depth + 1)
        case list() if depth < 9:
            for one in right:
                yield from _values(one, table, sets, depth + 1)
        case None:
            return
        case _:
            yield right
